/** A connection to workerd's inspector: Chrome's protocol over a plain WebSocket. */
export interface Inspector {
  readonly call: <Result>(method: string, params?: object) => Promise<Result>
  readonly close: () => void
}

const ANSWER_MS = 30_000

export async function connectInspector(address: string): Promise<Inspector> {
  const pages = (await (await fetch(`http://${address}/json`)).json()) as { webSocketDebuggerUrl?: string }[]
  const url = pages[0]?.webSocketDebuggerUrl
  if (url === undefined) throw new Error(`there is nothing to inspect at ${address}`)
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error(`${url} cannot be reached`)))
  })
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as {
      id?: number
      result?: unknown
      error?: { message: string }
    }
    const call = waiting.get(id ?? 0)
    waiting.delete(id ?? 0)
    if (error === undefined) call?.resolve(result)
    else call?.reject(new Error(error.message))
  })
  let last = 0
  return {
    call: <Result>(method: string, params: object = {}) =>
      new Promise<Result>((resolve, reject) => {
        const id = ++last
        // workerd leaves out parts of the protocol, and says nothing to them.
        setTimeout(() => reject(new Error(`${method} was not answered`)), ANSWER_MS).unref()
        waiting.set(id, { resolve: (result) => resolve(result as Result), reject })
        socket.send(JSON.stringify({ id, method, params }))
      }),
    close: () => socket.close(),
  }
}
