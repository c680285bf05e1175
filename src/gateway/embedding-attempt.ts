import { findModel } from '../catalog/models.ts'
import { maxInputsOf, type ProviderEmbeddings } from '../catalog/providers.ts'
import { toUsage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { Embedded, EmbeddingRequest, PreparedEmbedding } from '../formats/embedding-format.ts'
import { unsupportedParameter } from '../formats/shared/parts.ts'
import { sleep } from '../platform/timeout.ts'
import type { Target } from '../routing/target.ts'
import { createValueCounter } from '../stream/json-bounds.ts'
import { type AttemptResult, notWritable, toFailure, withStatus } from './attempt.ts'
import { AttemptTimer, clientLeft } from './attempt-timer.ts'
import type { ClientDisconnect } from './client-disconnect.ts'
import { divide, limitsOf, maxAnswerBytes, type Part, type PartLimits, type VectorList } from './embedding-parts.ts'
import { type PartUsage, usageOf } from './embedding-usage.ts'
import { upstreamModelOf } from './prepare-call.ts'
import { askProvider, checkModelInPath, readAnswerBody } from './upstream.ts'

/** The platform lets a Worker wait for the headers of six responses at once, and others of the same call need some. */
const MAX_AT_ONCE = 4
/** The platform allows 50 calls for a request on its free plan. This leaves ten for attempts that fail. */
const MAX_CALLS = 40
/** When one part has failed, those under way get so long to end: what they cost is spent anyway. */
const GRACE_MS = 2000

/** What is asked for, and what has come of it, from attempt to attempt. */
export interface EmbeddingWork {
  readonly request: EmbeddingRequest
  /** How long each input is, in tokens, by our estimate. */
  readonly tokens: readonly number[]
  readonly vectors: VectorList
  /** The fields that a deployment left out for which there are vectors; undefined as long as there are none. */
  madeWithout: string | undefined
  /** How long the vectors are; undefined until somebody knows. */
  dimensions: number | undefined
  /** What each part used that an answer, or a client's disconnect, has ended. */
  readonly used: PartUsage[]
  /** To be called once, when the length of the vectors is known. @throws Failure where there is no room for them. */
  readonly claim: (dimensions: number) => void
}

/** What one deployment is asked for: the inputs that are missing. */
export interface EmbeddingCall {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly embeddings: ProviderEmbeddings
  readonly parts: readonly Part[]
  /** Of the first part, where that is one input. */
  readonly first: PreparedEmbedding | undefined
  readonly dropped: readonly string[]
  readonly isPacked: boolean
}

/** What a deployment is to be asked, or why it cannot be asked this. */
export function prepareEmbedding(
  work: EmbeddingWork,
  target: Target,
  provider: ConfiguredProvider,
): EmbeddingCall | Failure {
  try {
    return prepare(work, target, provider)
  } catch (error) {
    if (error instanceof Failure) return error.withoutSecret(provider.secret)
    throw error
  }
}

function prepare(work: EmbeddingWork, target: Target, provider: ConfiguredProvider): EmbeddingCall {
  const { embeddings } = provider.provider
  if (embeddings === undefined) {
    throw new Failure('model-not-capable', 'The provider of this model makes no embeddings.', { param: 'model' })
  }
  checkModelInPath(provider, target.deployment.upstreamModel)
  // One input shows what the provider does not take. All of them at once might be megabytes.
  const start = work.tokens.findIndex((_, at) => work.vectors.isMissing(at))
  const probe = prepareInputs(work, { target, provider, embeddings }, start, start + 1)
  const [lost] = probe.dropped
  if (lost !== undefined && work.request.provider?.require_parameters === true) throw unsupportedParameter(lost)
  if (work.madeWithout !== undefined && work.madeWithout !== namesIn(probe.dropped)) {
    // What a text is for changes its vector: those that were made with it and those made without do not mix either.
    work.vectors.forget()
    work.madeWithout = undefined
    return prepare(work, target, provider)
  }
  const call = { target, provider, embeddings, dropped: probe.dropped, isPacked: probe.isPacked === true }
  const parts = partsOf(work, call)
  const isOne = parts[0]?.end === start + 1
  return { ...call, parts, first: isOne ? probe : undefined }
}

/** Who asks changes no vector. */
function namesIn(dropped: readonly string[]): string {
  return dropped
    .filter((name) => name !== 'user')
    .toSorted()
    .join()
}

type Asked = Pick<EmbeddingCall, 'target' | 'provider' | 'embeddings'>

function prepareInputs(
  { request }: EmbeddingWork,
  { target, provider, embeddings }: Asked,
  start: number,
  end: number,
): PreparedEmbedding {
  return embeddings.format.prepare({
    request,
    inputs: start === 0 && end === request.inputs.length ? request.inputs : request.inputs.slice(start, end),
    offset: start,
    model: upstreamModelOf(target, provider),
    traits: target.deployment.traits,
  })
}

type Divided = Omit<EmbeddingCall, 'parts' | 'first'>

/** @throws Failure where these are more calls than one request may make. */
function partsOf(work: EmbeddingWork, call: Divided): Part[] {
  const limits = limitsFor(work, call)
  const parts = divideMissing(work, call)
  // Where the length of the vectors is not known, the first part tells it.
  if (parts.length <= MAX_CALLS || work.dimensions === undefined) return parts
  const text = `'input' would take ${parts.length} calls of the provider, which takes at most ${limits.maxInputs} inputs and ${limits.maxTokens} tokens at once here; a request may make ${MAX_CALLS}. Send fewer inputs at once.`
  throw new Failure('model-not-capable', text, { param: 'input' })
}

function divideMissing(work: EmbeddingWork, call: Divided): Part[] {
  return divide(work.tokens, work.vectors.isMissing, limitsFor(work, call))
}

function limitsFor({ dimensions, request }: EmbeddingWork, { embeddings, target, isPacked }: Divided): PartLimits {
  const maxInputs = maxInputsOf(embeddings, target.deployment.upstreamModel)
  const { maxTokens } = embeddings
  return limitsOf({ maxInputs, maxTokens, dimensions, encoding: request.encoding, isPacked })
}

/** One attempt at a deployment. */
export interface EmbeddingAttempt {
  readonly work: EmbeddingWork
  readonly call: EmbeddingCall
  /** For each part, until the end of its answer. */
  readonly deadlineMs: number
  readonly clientDisconnect: ClientDisconnect
  /** There is no other deployment to ask. */
  readonly isAlone: boolean
}

interface Run extends Omit<EmbeddingAttempt, 'isAlone'> {
  readonly timers: Set<AttemptTimer>
  failure?: Failure
  grace?: ReturnType<typeof setTimeout>
}

/** A provider's limit that ends so soon is waited for, so often at most: what came before it is paid for. */
const LIMIT_WAIT = { maxMs: 2000, times: 2 }

/**
 * Asks one deployment for all vectors that are missing. Those that came stay in the work's list where others fail, so that
 * the next deployment is asked for the rest only; where there is none, a short limit of its calls is waited for as long as
 * vectors come. Rejects never.
 */
export async function embedAt({ isAlone, ...input }: EmbeddingAttempt): Promise<AttemptResult<undefined>> {
  const { work, call, clientDisconnect } = input
  let parts = call.parts
  for (let waited = 0; ; waited++) {
    const usedBefore = work.used.length
    const result = await askOnce(input, parts)
    if (result.ok || !isAlone || waited === LIMIT_WAIT.times || work.used.length === usedBefore) return result
    const { kind, details } = result.failure
    const { retryAfterMs = Number.POSITIVE_INFINITY } = details
    if (kind !== 'rate-limited' || retryAfterMs > LIMIT_WAIT.maxMs) return result
    await sleep(retryAfterMs)
    if (clientDisconnect.hasHappened()) return { ok: false, failure: clientLeft() }
    parts = divideMissing(work, call)
  }
}

async function askOnce(
  input: Omit<EmbeddingAttempt, 'isAlone'>,
  parts: readonly Part[],
): Promise<AttemptResult<undefined>> {
  const { work, call } = input
  const run: Run = { ...input, timers: new Set() }
  try {
    const isKnown = work.dimensions !== undefined
    await askForParts(run, isKnown ? parts : parts.slice(0, 1))
    // Only now it is known how many of the others go into one call.
    if (!isKnown && run.failure === undefined) await askForParts(run, partsOf(work, call))
  } catch (error) {
    run.failure ??= toFailure(error)
  } finally {
    clearTimeout(run.grace)
  }
  return run.failure === undefined ? { ok: true, answer: undefined } : { ok: false, failure: run.failure }
}

async function askForParts(run: Run, parts: readonly Part[]): Promise<void> {
  let next = 0
  const askOneByOne = async () => {
    for (let part = parts[next++]; part !== undefined && run.failure === undefined; part = parts[next++]) {
      await askForPart(run, part)
    }
  }
  await Promise.all(Array.from({ length: Math.min(MAX_AT_ONCE, parts.length) }, askOneByOne))
}

async function askForPart(run: Run, part: Part): Promise<void> {
  const { work, call, timers, deadlineMs, clientDisconnect } = run
  const { target, provider } = call
  if (clientDisconnect.hasHappened()) return fail(run, clientLeft())
  const timer = new AttemptTimer(clientDisconnect, deadlineMs)
  timers.add(timer)
  try {
    const embedded = await ask(run, part, timer)
    timer.release()
    checkModel(embedded, target)
    put(work, part, embedded.vectors)
    work.madeWithout ??= namesIn(call.dropped)
    const inputs = work.request.inputs.slice(part.start, part.end)
    work.used.push({ target, usage: usageOf(embedded, part, inputs, target) })
  } catch (error) {
    const reason = timer.reason()
    // A provider has read what it was sent, and it is for the caller's sake that nobody waits for its vectors.
    const isAborted = timer.signal.aborted && run.failure?.fault === 'caller'
    if (reason?.kind === 'client-left' || isAborted) {
      work.used.push({ target, usage: toUsage(part.tokens, 0, { estimated: true }) })
    }
    timer.end()
    fail(run, (reason ?? toFailure(error)).withoutSecret(provider.secret))
  } finally {
    timers.delete(timer)
  }
}

async function ask({ work, call }: Run, { start, end }: Part, timer: AttemptTimer): Promise<Embedded> {
  const { target, provider, first } = call
  const isFirst = first !== undefined && start === call.parts[0]?.start && end === start + 1
  const { request, read } = isFirst ? first : prepareInputs(work, call, start, end)
  const response = await askProvider(provider, request, target.deployment.upstreamModel, timer.signal)
  // Plain numbers: no vector has digits that a double would lose and that mean something.
  const maxBytes = maxAnswerBytes(end - start, work.dimensions)
  const reading = { maxBytes, parse: JSON.parse, createBound: createValueCounter }
  try {
    const embedded = read(await readAnswerBody(response, provider, reading))
    // It goes to the client, and by then no other deployment can be asked.
    if (!isWritable(embedded.usage)) throw notWritable()
    return embedded
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const failure = withStatus(error, response.status)
    const { kind, message, details } = failure
    // A field that only the provider knows may ask for vectors that are none for us: a caller must not take it out for others.
    const mayBeAskedFor = Object.keys(work.request.further).length > 0
    throw mayBeAskedFor ? new Failure(kind, message, { ...details, health: 'none' }) : failure
  }
}

function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/** A provider that says it used another model of the catalogue has not made the vectors that were asked for. */
function checkModel({ model }: Embedded, { model: asked, deployment }: Target): void {
  if (typeof model !== 'string' || deployment.traits.embedding === undefined) return
  const used = findModel(model)
  // A name that some chat model once had is this model's too: Azure still calls OpenAI's first one `ada`.
  const makesVectors = used?.deployments.some(({ traits }) => traits.embedding !== undefined) === true
  if (!makesVectors || used?.id === asked) return
  throw new Failure('provider-failed', 'The provider used another model than was asked for.', { clause: 'other model' })
}

function put(work: EmbeddingWork, part: Part, vectors: Embedded['vectors']): void {
  if (work.dimensions === undefined) {
    const [first] = vectors
    // Of base64 in a server's own encoding it is near enough: the length decides on the room for it.
    work.dimensions = typeof first === 'string' ? Math.ceil((first.length * 3) / 16) : (first?.length ?? 0)
    work.claim(work.dimensions)
  }
  work.vectors.put(part, vectors)
}

/** The first failure counts. What may be repaired elsewhere leaves the other parts some time, and anything else ends them now. */
function fail(run: Run, failure: Failure): void {
  if (run.failure !== undefined) return
  run.failure = failure
  const endAll = () => {
    for (const timer of run.timers) timer.end()
  }
  if (failure.failover) run.grace = setTimeout(endAll, GRACE_MS)
  else endAll()
}
