import diagnostics from 'node:diagnostics_channel'

/** A request that Node's own fetch has sent. */
export interface Asked {
  readonly path: string
  /** Which of its tries this is, as the official client says itself. */
  readonly retry: string | undefined
  readonly atMs: number
}

interface Sent {
  readonly request: { readonly origin: string; readonly path: string; readonly headers: readonly string[] | string }
}

/** Listens to what clients ask of one origin while `work` runs, without the clients' doing anything for it. */
export async function askedDuring(url: string, work: () => Promise<unknown>): Promise<readonly Asked[]> {
  const asked: Asked[] = []
  const { origin } = new URL(url)
  const listener = (message: unknown) => {
    const { request } = message as Sent
    if (String(request.origin) !== origin) return
    asked.push({ path: request.path, retry: headerOf(request.headers, 'x-stainless-retry-count'), atMs: Date.now() })
  }
  diagnostics.subscribe('undici:request:create', listener)
  try {
    await work()
  } finally {
    diagnostics.unsubscribe('undici:request:create', listener)
  }
  return asked
}

function headerOf(headers: readonly string[] | string, name: string): string | undefined {
  const list = typeof headers === 'string' ? headers.split(/: |\r\n/) : headers
  const at = list.findIndex((item, index) => index % 2 === 0 && item.toLowerCase() === name)
  return at < 0 ? undefined : list[at + 1]
}
