/** A check found something wrong; the message says what. */
export class CheckFailed extends Error {}

/** A response, read to its end. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A running Router9, as a client sees it. */
export interface Site {
  /** @throws CheckFailed where no good response comes in time. */
  readonly send: (path: string, request?: SiteRequest) => Promise<Reply>
}

export interface SiteRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE' | 'OPTIONS'
  readonly key?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A browser's page: only to one do replies say that it may read them. */
const SOME_PAGE = 'https://page.example'

/** How much of a response an error message shows. */
const MAX_SHOWN_CHARACTERS = 160

/** A Router9 at an address. Every reply is checked for the headers that all replies have. */
export function createSite(base: string, timeoutMs: number): Site {
  return {
    send: async (path, { method = 'GET', key, body, headers = {} } = {}) => {
      const reply = await withTimeout(timeoutMs, async (signal) => {
        const response = await fetch(base + path, {
          method,
          // Not to take a login page in front of the Worker for the Worker.
          redirect: 'manual',
          signal,
          headers: {
            ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            origin: SOME_PAGE,
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: response.status, headers: response.headers, text: await response.text() }
      })
      if (reply.status >= 300 && reply.status < 400) {
        throw new CheckFailed(`status ${reply.status}, a redirect: something stands in front of the Worker`)
      }
      expectHeader(reply, 'access-control-allow-origin', /^\*$/)
      expectHeader(reply, 'x-content-type-options', /^nosniff$/)
      expectHeader(reply, 'x-request-id', /^\S+$/)
      return reply
    },
  }
}

async function withTimeout<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(AbortSignal.timeout(timeoutMs))
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new CheckFailed(`no whole answer within ${timeoutMs / 1000} s`)
    }
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    throw new CheckFailed(`the connection fails${cause}`)
  }
}

/** Returns a header of a reply. @throws CheckFailed where it is missing or does not match. */
export function expectHeader(reply: Reply, name: string, pattern: RegExp): string {
  const value = reply.headers.get(name)
  if (value === null) throw new CheckFailed(`${summarize(reply)}: the header ${name} is missing`)
  if (!pattern.test(value)) throw new CheckFailed(`${summarize(reply)}: the header ${name} is '${value}'`)
  return value
}

/** Reads the JSON of a reply. @throws CheckFailed where it has another status, or is no JSON object. */
export function expectJson(reply: Reply, status: number): Record<string, unknown> {
  if (reply.status !== status) throw new CheckFailed(`${summarize(reply)} instead of status ${status}`)
  expectHeader(reply, 'content-type', /^application\/json/)
  const body = readJson(reply.text)
  if (body === undefined) throw new CheckFailed(`status ${status}, but its body is no JSON object`)
  return body
}

/** Reads a JSON object; undefined where the text is none. */
export function readJson(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value, where it is an object or an array. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

/** A reply in a few words: its status and its error. */
export function summarize({ status, text }: Reply): string {
  const error = asObject(readJson(text)?.error)
  const words = error === undefined ? text.replace(/\s+/g, ' ').trim() : `${error.code ?? ''} ${error.message ?? ''}`
  const cut = words.trim().slice(0, MAX_SHOWN_CHARACTERS)
  return cut === '' || status === 200 ? `status ${status}` : `status ${status} (${cut})`
}
