import { withoutMetadata } from '../access/account-use.ts'
import type { Usage } from '../chat/event.ts'
import { Failure, quoted } from '../chat/failure.ts'
import type { EmbeddingClientFormat, EmbeddingRequest, Vector } from '../formats/embedding-format.ts'
import { toBase64 } from '../formats/shared/vectors.ts'
import { isAuto } from '../routing/auto.ts'
import { embeddingNeeds, inputTokens, type Needs } from '../routing/needs.ts'
import { type Plan, plan } from '../routing/plan.ts'
import { logRequest } from '../telemetry/log.ts'
import { describeEmbedding } from '../telemetry/otlp-span.ts'
import { answerBegun, answerEnded } from './attempt-report.ts'
import { type Bill, closeBill, openBill, settleBill } from './bill.ts'
import { addHeaders, type CallState, refuse, routeNow, untilCounted } from './call.ts'
import { createClientWriter } from './client-writer.ts'
import type { RequestContext } from './context.ts'
import { type EmbeddingCall, type EmbeddingWork, embedAt, prepareEmbedding } from './embedding-attempt.ts'
import { createVectorList, vectorBytes } from './embedding-parts.ts'
import { sumOf } from './embedding-usage.ts'
import { type Asking, type CommittedAnswer, runWithFailover } from './failover.ts'
import { jsonResponse } from './respond.ts'
import { planInputOf } from './route.ts'
import { inTrace } from './upstream.ts'

type Context = RequestContext<EmbeddingClientFormat>

/** In characters, or in tokens: longer than any model reads. */
const LONG_INPUT = 1024 * 1024

/**
 * Runs one call for vectors: read, plan, admit, route, ask in as many parts as it takes, and answer with all vectors or with
 * none (contract 1). The deployments of one model alone are asked, since vectors of different models do not mix.
 * @throws Failure for a request that is not valid or that nobody may answer.
 */
export async function embed(context: Context, body: Readonly<Record<string, unknown>>): Promise<Response> {
  const { caller, objects, waitUntil, settings, share, format, log } = context
  const request = format.readRequest(withoutMetadata(body, context.rights), context.header)
  if (log.trace !== undefined) describeEmbedding(log.trace, request)
  // A body of short inputs is sent in small parts, so it is never there as a whole a second time.
  if (request.inputs.every(({ length }) => length < LONG_INPUT)) share.releaseCopy()
  const { work, needs, planned } = planEmbedding(context, request, (bytes) => share.reserve(bytes), share.bodyBytes)
  const bill = await openBill({ caller, objects, waitUntil, settings, needs, plan: planned })
  return untilCounted(context, bill, routeAndEmbed(context, { work, needs, planned, bill }))
}

/** What is to be done for a request, and by whom. */
export interface PlannedEmbedding {
  readonly work: EmbeddingWork
  readonly needs: Needs
  readonly planned: Plan
}

/**
 * Who may make the vectors of a request.
 * @param reserve claims memory for them, as soon as it is known how long they are.
 * @throws Failure if nobody may, or where there is no room for so many.
 */
export function planEmbedding(
  context: Pick<Context, 'settings' | 'caller'>,
  request: EmbeddingRequest,
  reserve: (bytes: number) => void,
  bodyBytes: number,
): PlannedEmbedding {
  if (isAuto(request.model)) {
    const text = `The model '${quoted(request.model)}' is not for embeddings: vectors of different models do not mix, so a choice that may change cannot be left to the gateway. Name a model; GET /v1/models lists those that make embeddings.`
    throw new Failure('unsupported-parameter', text, { param: 'model' })
  }
  const { inputs, encoding } = request
  const tokens = inputs.map((input) => inputTokens(input))
  const needs = embeddingNeeds(tokens.reduce((sum, count) => sum + count, 0))
  const planned = plan(planInputOf(context, request, needs))
  // Held as they are sent.
  const toHeld = (vector: Vector) => (encoding === 'base64' && typeof vector !== 'string' ? toBase64(vector) : vector)
  const claim = (length: number) => reserve(vectorBytes(inputs.length, length, encoding, bodyBytes))
  const dimensions = request.dimensions ?? planned.candidates[0]?.deployment.traits.embedding?.dimensions
  if (dimensions !== undefined) claim(dimensions)
  const vectors = createVectorList(inputs.length, toHeld)
  return { work: { request, tokens, vectors, madeWithout: undefined, dimensions, used: [], claim }, needs, planned }
}

interface Admitted extends PlannedEmbedding {
  readonly bill: Bill
}

interface EmbeddingState extends CallState {
  readonly work: EmbeddingWork
  /** There is no other deployment to ask. */
  readonly isAlone: boolean
}

const ASKING: Asking<EmbeddingState, EmbeddingCall, undefined> = {
  prepare({ context, work }, target) {
    const provider = context.settings.providers.get(target.deployment.provider)
    if (provider === undefined) throw new TypeError('planned for a provider that is not configured')
    return prepareEmbedding(work, target, inTrace(provider, context.log.trace))
  },
  attempt: ({ work, isAlone }, { deadlineMs }, call, clientDisconnect) =>
    embedAt({ work, call, deadlineMs, clientDisconnect, isAlone }),
}

async function routeAndEmbed(context: Context, { work, needs, planned, bill }: Admitted): Promise<Response> {
  const { request } = work
  const { route, health } = await routeNow(context, { plan: planned, request, needs })
  const requestedModel = request.model
  const isAlone = planned.isSingle || planned.candidates.length === 1
  const routedAt = Date.now()
  const state: EmbeddingState = { context, requestedModel, needs, route, health, bill, routedAt, work, isAlone }
  const result = await runWithFailover(state, ASKING)
  if (!result.ok) {
    settle(state, work)
    return refuse(state, result.failure)
  }
  const { report, deployment } = result.answer
  answerBegun(report, undefined)
  answerEnded(report, 'complete')
  context.log.target = deployment.target
  return answer(context, state, { work, usage: settle(state, work), committed: result.answer })
}

/**
 * Counts what each part has used, also where the call failed in the end: what a provider says of its cost is true of that part
 * alone. Nobody waits for it.
 */
function settle({ bill, context: { log } }: CallState, { used }: EmbeddingWork): Usage {
  let dollars = 0
  for (const { usage, target } of used) dollars += settleBill(bill, usage, target, 'complete')
  const usage = sumOf(used)
  if (used.length > 0) {
    log.usage = usage
    log.dollars = dollars
  }
  return usage
}

interface Complete {
  readonly work: EmbeddingWork
  readonly usage: Usage
  readonly committed: CommittedAnswer<EmbeddingCall, undefined>
}

/** What is shorter goes out as one text. The writer to the client cuts what is longer. */
const PIECE_CHARACTERS = 64 * 1024

/** Answers with all vectors. A long answer is written as the client takes it, so that its text is never there as a whole. */
async function answer(context: Context, state: CallState, { work, usage, committed }: Complete): Promise<Response> {
  const { format, log, settings, waitUntil, clientDisconnect } = context
  const vectors = work.vectors.whole()
  if (vectors === undefined) throw new TypeError('an attempt that succeeded left a vector out')
  const { prompt_tokens: promptTokens, completion_tokens: _, total_tokens: __, ...further } = usage
  const { model } = committed.deployment.target
  const pieces = inPieces(format.writeAnswer({ request: work.request, model, vectors, usage: further, promptTokens }))
  const respond = (body: string | ReadableStream) => {
    const response = jsonResponse(body)
    addHeaders(response.headers, state, committed)
    return response
  }
  closeBill(state.bill)
  const first = pieces.next()
  const second = first.done === true ? first : pieces.next()
  if (first.done === true || second.done === true) {
    logRequest(log, 200)
    return respond(first.value ?? '')
  }
  const { readable, writable } = new IdentityTransformStream()
  const writer = createClientWriter(writable, {
    ...settings.timeouts,
    // JSON has room for it between two vectors.
    keepAlive: ' ',
    onDisconnect: clientDisconnect.report,
  })
  const send = async () => {
    writer.keepAlive()
    await writer.send(first.value)
    await writer.send(second.value)
    for (const piece of pieces) await writer.send(piece)
    await writer.close()
  }
  const sent = send().then(
    () => logRequest(log, 200),
    () => {
      logRequest(log, 200, undefined, true)
      return writer.close().catch(() => {})
    },
  )
  waitUntil(sent)
  return respond(readable)
}

/** Puts short texts together. No piece is longer than one write unless a single text is. */
function* inPieces(texts: Iterable<string>): Generator<string, undefined> {
  let piece = ''
  for (const text of texts) {
    if (piece !== '' && piece.length + text.length > PIECE_CHARACTERS) {
      yield piece
      piece = ''
    }
    piece += text
  }
  if (piece !== '') yield piece
}
