import { addLimitHeaders } from '../access/limits.ts'
import { type Failure, redactOwnKeys } from '../chat/failure.ts'
import type { ClientRequest, ErrorFormat } from '../formats/format.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import type { Needs } from '../routing/needs.ts'
import { logRequest } from '../telemetry/log.ts'
import { type Bill, closeBill } from './bill.ts'
import type { RequestContext } from './context.ts'
import type { CommittedAnswer } from './failover.ts'
import { type HealthReporter, noHealthReporter, RequestHealth } from './health-reporter.ts'
import { addCommonHeaders, failureResponse } from './respond.ts'
import { type Route, type RouteInput, reasonFor, routeOf, skippedIn } from './route.ts'

/** What all calls have in common that have been admitted and routed, whatever they ask for. */
export interface CallState {
  readonly context: RequestContext<ErrorFormat>
  readonly requestedModel: string
  readonly pathOf?: ClientRequest['pathOf']
  readonly needs: Needs
  readonly route: Route
  readonly health: HealthReporter
  readonly bill: Bill
  readonly routedAt: number
}

interface Routed {
  readonly route: Route
  readonly health: HealthReporter
}

type PlannedCall = Omit<RouteInput, 'settings' | 'view' | 'requestId'>

/** Puts the deployments of a plan in order, by what is known of their health; mostly at once. */
export function routeNow(context: RequestContext<ErrorFormat>, input: PlannedCall): Routed | Promise<Routed> {
  const health = context.settings.tracksHealth ? new RequestHealth(context) : noHealthReporter()
  // Where there is no choice, there is nothing to wait for.
  const ready = input.plan.candidates.length > 1 ? health.ready() : undefined
  return ready === undefined ? routeBy(health, context, input) : ready.then(() => routeBy(health, context, input))
}

function routeBy(
  health: HealthReporter,
  { settings, requestId }: RequestContext<ErrorFormat>,
  { plan, request, needs, session, source, rankAll }: PlannedCall,
): Routed {
  const view = health.view(Date.now())
  return { route: routeOf({ plan, request, needs, settings, view, requestId, session, source, rankAll }), health }
}

/** Waits for the answer to an admitted call, and sees to it that the call's usage is counted, whatever happens. */
export function untilCounted(
  { clientDisconnect, waitUntil, takeOver }: RequestContext<ErrorFormat>,
  bill: Bill,
  answered: Promise<Response>,
): Promise<Response> {
  // The platform ends a call whose client disconnects. `waitUntil` keeps it alive until its usage is counted.
  const stopListening = clientDisconnect.onDisconnect(() => waitUntil(answered.catch(() => undefined)))
  takeOver()
  // A listener that knows the call would keep all of it in memory until a full collection of garbage.
  return answered.then(
    (response) => {
      stopListening()
      return response
    },
    (error) => {
      closeBill(bill)
      stopListening()
      throw error
    },
  )
}

/** Who answered, and what of the request was left out for it. */
type Answered = Pick<CommittedAnswer<{ readonly dropped: readonly string[] }, unknown>, 'deployment' | 'call'>

/** Says of whoever answered only that it was the best of those that could: the model and the provider tell as much. */
const USUAL_REASONS: ReadonlySet<string> = new Set(['only', 'first'])

/** Adds to a response's headers, as far as is known who answers; what says how it was made only if it says something new (contract 7). */
export function addHeaders(headers: Headers, state: CallState, answer: Answered | undefined): void {
  const { context, requestedModel, route, routedAt } = state
  const { log, receivedAt, authenticatedAt } = context
  addCallHeaders(headers, context)
  const sent = sentAttempts(log.attempts)
  const target = answer?.deployment.target
  let isUsual = target !== undefined && sent.length < 2
  if (target?.model !== requestedModel) headers.append('x-router9-requested-model', headerText(requestedModel))
  if (target !== undefined) {
    headers.append('x-router9-model', headerText(target.model))
    headers.append('x-router9-provider', target.deployment.provider)
    const reason = reasonFor(route, target, log.attempts)
    if (!USUAL_REASONS.has(reason)) {
      headers.append('x-router9-reason', reason)
      isUsual = false
    }
  }
  if (!isUsual && sent.length > 0) headers.append('x-router9-attempts', sent.map(attemptText).join(','))
  const skipped = skippedIn(route, log.attempts)
  if (skipped !== '') headers.append('x-router9-skipped', headerText(skipped))
  const dropped = answer && droppedFor(state, answer)
  if (dropped) headers.append('x-router9-dropped-params', headerText(dropped))
  const upstreamMs = (log.end?.at ?? Date.now()) - routedAt
  headers.append(
    'server-timing',
    `auth;dur=${authenticatedAt - receivedAt}, route;dur=${routedAt - authenticatedAt}, upstream;dur=${upstreamMs}`,
  )
}

/** What of the request was left out, by the client's names. */
function droppedFor({ context: { withheld }, pathOf }: CallState, { call: { dropped } }: Answered): string {
  if (withheld.length + dropped.length === 0) return ''
  if (pathOf === undefined) return [...withheld, ...dropped].join()
  // A path stands in the request as it is; a mere name is the chat's.
  return [...withheld, ...dropped.map((name) => (/\W/.test(name) ? name : pathOf(name)))].join()
}

function attemptText({ target, outcome, ms }: AttemptRecord): string {
  return `${target.deployment.provider}:${outcome}:${ms}ms`
}

/** The text as a header may contain it: names come from the caller and may contain anything. */
function headerText(text: string): string {
  return redactOwnKeys(text.slice(0, 500)).replace(NOT_FOR_HEADERS, '?')
}

const NOT_FOR_HEADERS = /[^\x20-\x7e]/g

/** Adds the headers of every response to a call of this caller. */
export function addCallHeaders(
  headers: Headers,
  { requestId, header, format, caller }: RequestContext<ErrorFormat>,
): void {
  addCommonHeaders(headers, requestId, header('origin') !== null, format.requestIdHeader)
  addLimitHeaders(headers, caller)
}

/** Answers with an error in the client's format, when what was used is counted: nobody has begun an answer. */
export function refuse(state: CallState, failure: Failure): Response {
  const { context, bill } = state
  closeBill(bill)
  logRequest(context.log, failure.status, failure)
  const response = failureResponse(failure, context.format, context.requestId)
  addHeaders(response.headers, state, undefined)
  return response
}
