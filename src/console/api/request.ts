import { session, viewingKey } from './session.ts'

/** An answer of Router9 that is an error, or none at all. `message` is written for the person at the page. */
export class ApiError extends Error {
  /** 0 where no answer came. */
  readonly status: number
  readonly code: string | undefined
  /** The field that is wrong, where one is. */
  readonly param: string | undefined

  constructor(status: number, { message, code, param }: { message: string; code?: string; param?: string }) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
  }
}

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  /** JSON that goes out as it is written, in place of `body`. */
  readonly text?: string | undefined
  readonly header?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** The key to ask with; the one that sees most if absent, none if empty. */
  readonly key?: string | undefined
}

/** Asks Router9. @param path with `/v1`. @throws ApiError, also where no answer came; AbortError where `signal` aborted. */
export async function ask<Answer>(path: string, asking: Asking = {}): Promise<Answer> {
  const response = await send(path, asking)
  const answer = await response.json().catch(() => undefined)
  asking.signal?.throwIfAborted()
  if (response.ok && answer === undefined)
    throw new ApiError(0, { message: 'The answer broke off, or is not Router9’s.' })
  if (response.ok) return answer as Answer
  throw new ApiError(response.status, errorIn(answer, response.status))
}

/** The same, with the response as it came: for streams, and for those who show it. */
export async function send(path: string, asking: Asking = {}): Promise<Response> {
  const { method, body, header, signal, key = viewingKey.value } = asking
  const text = asking.text ?? (body === undefined ? undefined : JSON.stringify(body))
  try {
    return await fetch(path, {
      method: method ?? 'GET',
      headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...header,
      },
      ...(text !== undefined && { body: text }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, { message: 'Router9 does not answer. Is it running, and is this machine connected?' })
  }
}

/** The key that may call models. @throws ApiError where there is none in this tab. */
export function modelKey(): string {
  const { key } = session.value
  if (key !== undefined) return key
  throw new ApiError(401, { message: 'Sign in with a key for models: a management key cannot call them.' })
}

/** The error in an answer's body, in whose format it ever is. */
export function errorIn(answer: unknown, status: number): { message: string; code?: string; param?: string } {
  const { error } = (answer ?? {}) as { error?: { message?: string; code?: unknown; param?: unknown } }
  return {
    message: error?.message ?? `Router9 answered with status ${status}.`,
    ...(typeof error?.code === 'string' && { code: error.code }),
    ...(typeof error?.param === 'string' && { param: error.param }),
  }
}
