import { DEMO_KEY } from '../harness/worker.ts'
import type { TapedAnswer } from './tape.ts'

/** One request that both versions get. */
export interface CompareRequest {
  /** Tells it from all others of its source; `--only` finds it by this. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The body is sent without its length. */
  readonly chunked?: boolean
  /** What the providers answer, where the upstream plays a tape. */
  readonly answers?: readonly TapedAnswer[]
  /** The client leaves so long after it has asked. */
  readonly leavesAfterMs?: number
}

const JSON_HEADERS = { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' }

/** A call to chat completions; a text or bytes go out as they are. */
export function chatRequest(
  name: string,
  body: unknown,
  more: Partial<Omit<CompareRequest, 'name' | 'body'>> = {},
): CompareRequest {
  return {
    name,
    method: 'POST',
    path: '/v1/chat/completions',
    headers: JSON_HEADERS,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...more,
  }
}
