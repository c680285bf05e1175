import { addLimitHeaders } from '../access/limits.ts'
import type { Failure } from '../chat/failure.ts'
import type { ClientRequest, ErrorFormat } from '../formats/format.ts'
import type { Needs } from '../routing/needs.ts'
import { logRequest } from '../telemetry/log.ts'
import type { Bill } from './bill.ts'
import type { RequestContext } from './context.ts'
import type { CommittedAnswer } from './failover.ts'
import { createHealthReporter, type HealthReporter, noHealthReporter } from './health-reporter.ts'
import { addMetaHeaders, commonHeaders, failureResponse } from './respond.ts'
import { type Route, type RouteInput, routeOf } from './route.ts'

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

/** Puts the deployments of a plan in order, by what is known of their health. */
export async function routeNow(
  context: RequestContext<ErrorFormat>,
  input: Omit<RouteInput, 'settings' | 'view' | 'requestId'>,
): Promise<{ readonly route: Route; readonly health: HealthReporter }> {
  const { settings, requestId } = context
  const health = settings.tracksHealth ? createHealthReporter(context) : noHealthReporter()
  // Where there is no choice, there is nothing to wait for.
  if (input.plan.candidates.length > 1) await health.ready()
  return { route: routeOf({ ...input, settings, requestId, view: health.view() }), health }
}

/** Waits for the answer to an admitted call, and sees to it that the call's usage is counted, whatever happens. */
export async function untilCounted(
  { clientDisconnect, waitUntil, takeOver }: RequestContext<ErrorFormat>,
  bill: Bill,
  answered: Promise<Response>,
): Promise<Response> {
  // The platform ends a call whose client disconnects. `waitUntil` keeps it alive until its usage is counted.
  const stopListening = clientDisconnect.onDisconnect(() => waitUntil(answered.catch(() => undefined)))
  takeOver()
  try {
    return await answered
  } catch (error) {
    bill.close()
    throw error
  } finally {
    // A listener that knows the call would keep all of it in memory until a full collection of garbage.
    stopListening()
  }
}

/** Who answered, and what of the request was left out for it. */
type Answered = Pick<CommittedAnswer<{ readonly dropped: readonly string[] }, unknown>, 'deployment' | 'call'>

/** The headers of a response, as far as is known who answers. */
export function headersOf(state: CallState, answer: Answered | undefined): Record<string, string> {
  const { context, requestedModel, route, routedAt, pathOf } = state
  const timing = {
    authMs: context.authenticatedAt - context.receivedAt,
    routeMs: routedAt - context.authenticatedAt,
    upstreamMs: Date.now() - routedAt,
  }
  // A path stands in the request as it is; a mere name is the chat's.
  const ownName = (name: string) => (pathOf === undefined || /\W/.test(name) ? name : pathOf(name))
  const droppedBy = ({ call }: Answered) => [...context.withheld, ...call.dropped.map(ownName)]
  const answered = answer === undefined ? {} : { target: answer.deployment.target, dropped: droppedBy(answer) }
  const headers = callHeaders(context)
  addMetaHeaders(headers, { requestedModel, route, attempts: context.log.attempts, timing, ...answered })
  return headers
}

/** The headers of every response to a call of this caller. */
export function callHeaders({
  requestId,
  header,
  format,
  caller,
}: RequestContext<ErrorFormat>): Record<string, string> {
  const { requestIdHeader } = format
  const headers = commonHeaders(requestId, { isCrossOrigin: header('origin') !== null, requestIdHeader })
  addLimitHeaders(headers, caller)
  return headers
}

/** Answers with an error in the client's format, when what was used is counted: nobody has begun an answer. */
export function refuse(state: CallState, failure: Failure): Response {
  const { context, bill } = state
  bill.close()
  logRequest(context.log, failure.status, failure)
  return failureResponse(failure, context.format, context.requestId, headersOf(state, undefined))
}
