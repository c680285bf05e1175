import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** For workerd's arguments and its `stdio`: it tells on a pipe of its own which ports it got, so that no two can get the same. */
export const CONTROL_ARGUMENT = '--control-fd=3'

/**
 * The ports that workerd listens on, one for each of its sockets that was to have any port (`127.0.0.1:0`), in the order of
 * `names`.
 * @throws Error where workerd ends before that.
 */
export async function portsOf(child: ChildProcess, names: readonly string[], log: () => string): Promise<number[]> {
  const ports = new Map<string, number>()
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, socket, port } = JSON.parse(line)
    if (event === 'listen') ports.set(socket, port)
    const all = names.flatMap((name) => ports.get(name) ?? [])
    if (all.length === names.length) return all
  }
  throw new Error(`workerd ended at once:\n${log()}`)
}
