import type { ConfiguredProvider } from '../env.ts'
import { urlOf } from '../gateway/upstream.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** A request waits this long for a server. A later answer is kept for the next request. */
const WAIT_MS = 1000
const ANSWER_TIMEOUT_MS = 5000
/** A list is kept for this long, and an empty one for this long. */
const KEEP_LIST_MS = 60_000
const KEEP_EMPTY_MS = 10_000
/** A server lists a few dozen models; a gateway in its place lists a thousand. */
const MAX_MODELS = 1000
const MAX_BYTES = 512 * 1024
/** Names that a request could carry. */
const MODEL_NAME = /^[^\s\p{Cc}]{1,200}$/u

interface CachedList {
  readonly names: readonly string[]
  readonly until: number
}

const cache = new WeakMap<ConfiguredProvider, CachedList>()
const pending = new WeakMap<ConfiguredProvider, Promise<CachedList>>()

type WaitUntil = (work: Promise<unknown>) => void

/** The models that an operator's own server lists, by its own names; none if it does not answer in time. */
export async function modelsOfServer(server: ConfiguredProvider, waitUntil: WaitUntil): Promise<readonly string[]> {
  const cached = cache.get(server)
  if (cached !== undefined && Date.now() < cached.until) return cached.names
  let work = pending.get(server)
  if (work === undefined) {
    work = fetchList(server).finally(() => pending.delete(server))
    pending.set(server, work)
    // It goes on when its client disconnects, because other requests may wait for it.
    waitUntil(work)
  }
  const list = await withTimeout(work, WAIT_MS)
  return list === TIMED_OUT ? [] : list.names
}

async function fetchList(server: ConfiguredProvider): Promise<CachedList> {
  const names = await fetchNames(server).catch((): readonly string[] => [])
  const list = { names, until: Date.now() + (names.length > 0 ? KEEP_LIST_MS : KEEP_EMPTY_MS) }
  cache.set(server, list)
  return list
}

/**
 * @throws if the server cannot be reached, is too slow, or does not answer with a list. A redirect is not followed: our key
 * would go with it.
 */
async function fetchNames({ provider, baseUrl, headers, secret }: ConfiguredProvider): Promise<readonly string[]> {
  const response = await fetch(urlOf(baseUrl, provider.modelsPath ?? '/models', ''), {
    headers: { accept: 'application/json', ...headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  })
  if (!response.ok) {
    await response.body?.cancel()
    return []
  }
  const names = readNames(JSON.parse(await readBoundedText(response)))
  // Every caller sees the list, so our key must not be in it.
  return secret === undefined ? names : names.filter((name) => !name.includes(secret))
}

/** @throws if the body, unpacked, is longer than a list may be. */
async function readBoundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw new Error('the list is too long')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Reads OpenAI's shape, `{data: [{id}]}`, or Ollama's, `{models: [{model, name}]}`. */
function readNames(body: unknown): readonly string[] {
  const { data, models } = Object(body) as { data?: unknown; models?: unknown }
  const rows: unknown = data ?? models
  if (!Array.isArray(rows)) return []
  const names = rows.slice(0, MAX_MODELS).map((row) => {
    const { id, model, name } = Object(row) as Record<string, unknown>
    return id ?? model ?? name
  })
  return [...new Set(names.filter((name): name is string => typeof name === 'string' && MODEL_NAME.test(name)))]
}
