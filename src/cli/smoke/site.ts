/** A check that found something wrong; its message says what. */
export class CheckFailed extends Error {}

/** What came back, read to its end. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A deployed Router9, as one of its clients sees it. */
export interface Site {
  readonly ask: (path: string, request?: Asking) => Promise<Reply>
}

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'OPTIONS'
  readonly key?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const SHOWN_CHARACTERS = 160

/** Reaches a Router9 at its address; every reply must have what every reply has, and come in time. */
export function siteAt(base: string, timeoutMs: number): Site {
  return {
    ask: async (path, { method = 'GET', key, body, headers = {} } = {}) => {
      const reply = await within(timeoutMs, async (signal) => {
        const response = await fetch(base + path, {
          method,
          // A login page in front of the Worker must not pass for it.
          redirect: 'manual',
          signal,
          headers: {
            ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: response.status, headers: response.headers, text: await response.text() }
      })
      if (reply.status >= 300 && reply.status < 400) {
        throw new CheckFailed(`status ${reply.status}, a redirect: something stands in front of the Worker`)
      }
      wantHeader(reply, 'access-control-allow-origin', /^\*$/)
      wantHeader(reply, 'x-content-type-options', /^nosniff$/)
      wantHeader(reply, 'x-request-id', /^\S+$/)
      return reply
    },
  }
}

async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
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

/** Insists on a header of a reply. */
export function wantHeader(reply: Reply, name: string, pattern: RegExp): string {
  const value = reply.headers.get(name)
  if (value === null) throw new CheckFailed(`${inShort(reply)}: the header ${name} is missing`)
  if (!pattern.test(value)) throw new CheckFailed(`${inShort(reply)}: the header ${name} is '${value}'`)
  return value
}

/** Insists on a reply's status, and reads its JSON. */
export function wantJson(reply: Reply, status: number): Record<string, unknown> {
  if (reply.status !== status) throw new CheckFailed(`${inShort(reply)} instead of status ${status}`)
  wantHeader(reply, 'content-type', /^application\/json/)
  const body = readJson(reply.text)
  if (body === undefined) throw new CheckFailed(`status ${status}, but its body is no JSON object`)
  return body
}

/** An object out of JSON; undefined where the text is none. */
export function readJson(text: string): Record<string, unknown> | undefined {
  try {
    return object(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value where it is an object or an array. */
export function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

/** A reply in a few words: its status, and what its error says. */
export function inShort({ status, text }: Reply): string {
  const error = object(readJson(text)?.error)
  const words = error === undefined ? text.replace(/\s+/g, ' ').trim() : `${error.code ?? ''} ${error.message ?? ''}`
  const cut = words.trim().slice(0, SHOWN_CHARACTERS)
  return cut === '' || status === 200 ? `status ${status}` : `status ${status} (${cut})`
}
