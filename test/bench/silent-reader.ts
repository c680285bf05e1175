import net from 'node:net'
import type { Shot } from './load.ts'

/** Sends a request and then reads nothing of its answer, until it is stopped. */
export function startSilentReader({ host, port, bytes }: Shot): () => void {
  const socket = net.connect({ host, port })
  socket.on('error', () => socket.destroy())
  socket.pause()
  socket.write(bytes)
  return () => socket.destroy()
}
