import type { ConfiguredProvider } from '../env.ts'
import { urlOf } from '../gateway/upstream.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** Whoever asks for the list waits this long for a server; its answer is still taken, for the next one who asks. */
const WAIT_MS = 1000
const ANSWER_MS = 5000
/** A list is good for this long, and that there was none for this long. */
const KEEP_MS = 60_000
const KEEP_NOTHING_MS = 10_000
/** A server lists a few dozen models; gateways that stand in its place list a thousand. */
const MAX_MODELS = 1000
const MAX_BYTES = 512 * 1024
/** A name as a request may carry it. */
const NAME = /^[^\s\p{Cc}]{1,200}$/u

interface Kept {
  readonly names: readonly string[]
  readonly until: number
}

const kept = new WeakMap<ConfiguredProvider, Kept>()
const underWay = new WeakMap<ConfiguredProvider, Promise<Kept>>()

type WaitUntil = (work: Promise<unknown>) => void

/** The models that a server of the operator's own lists, by its own names; none where it does not say so in time. */
export async function modelsOfServer(server: ConfiguredProvider, waitUntil: WaitUntil): Promise<readonly string[]> {
  const known = kept.get(server)
  if (known !== undefined && Date.now() < known.until) return known.names
  let work = underWay.get(server)
  if (work === undefined) {
    work = look(server).finally(() => underWay.delete(server))
    underWay.set(server, work)
    // It outlives a client that leaves, since others may be waiting for it.
    waitUntil(work)
  }
  const found = await withTimeout(work, WAIT_MS)
  return found === TIMED_OUT ? [] : found.names
}

async function look(server: ConfiguredProvider): Promise<Kept> {
  const names = await ask(server).catch((): readonly string[] => [])
  const found = { names, until: Date.now() + (names.length > 0 ? KEEP_MS : KEEP_NOTHING_MS) }
  kept.set(server, found)
  return found
}

/** @throws where it cannot be reached, is too slow, or does not answer with a list. A redirect is none: our key would go with it. */
async function ask({ provider, baseUrl, headers, secret }: ConfiguredProvider): Promise<readonly string[]> {
  const response = await fetch(urlOf(baseUrl, provider.modelsPath ?? '/models', ''), {
    headers: { accept: 'application/json', ...headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  if (!response.ok) {
    await response.body?.cancel()
    return []
  }
  const names = namesIn(JSON.parse(await readShort(response)))
  // What a server says of itself goes to every caller.
  return secret === undefined ? names : names.filter((name) => !name.includes(secret))
}

/** @throws where the body is longer than a list may be, after it has been unpacked. */
async function readShort(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    if (size > MAX_BYTES) throw new Error('the list is too long')
    text += decoder.decode(piece, { stream: true })
  }
  return text + decoder.decode()
}

/** OpenAI's form, `{data: [{id}]}`, or Ollama's, `{models: [{model, name}]}`. */
function namesIn(body: unknown): readonly string[] {
  const { data, models } = Object(body) as { data?: unknown; models?: unknown }
  const rows: unknown = data ?? models
  if (!Array.isArray(rows)) return []
  const names = rows.slice(0, MAX_MODELS).map((row) => {
    const { id, model, name } = Object(row) as Record<string, unknown>
    return id ?? model ?? name
  })
  return [...new Set(names.filter((name): name is string => typeof name === 'string' && NAME.test(name)))]
}
