import { priceOf } from '../access/budget.ts'
import { type Caller, hasBudget } from '../access/limits.ts'
import type { Deployment } from '../catalog/deployment.ts'
import type { Settings } from '../env.ts'
import type { RequestSource } from '../formats/format.ts'
import type { HealthView } from '../health/isolate.ts'
import { bucketOf } from '../health/outcome.ts'
import { type AttemptRecord, LOST } from '../routing/attempt-record.ts'
import type { AttemptCandidate } from '../routing/attempts.ts'
import { AUTO } from '../routing/auto.ts'
import type { RankedSession, Ranking, RankOptions } from '../routing/candidate.ts'
import { timeoutLimitsFor } from '../routing/deadline.ts'
import { hashOf } from '../routing/hash.ts'
import type { Needs } from '../routing/needs.ts'
import type { Plan } from '../routing/plan.ts'
import type { PlanInput, RoutedRequest } from '../routing/plan-input.ts'
import { usualPrice } from '../routing/preferences.ts'
import { rank } from '../routing/rank.ts'
import { deploymentName, type PlannedTarget, type Target } from '../routing/target.ts'
import { hasOwnHealth } from './prepare-call.ts'

/** A deployment as it is ranked and called. */
export interface RoutedDeployment extends AttemptCandidate {
  readonly target: Target
}

/** Which deployments to try for a request, and what that was decided by. */
export interface Route {
  readonly ranking: Ranking<RoutedDeployment>
  /** When they were ranked, in milliseconds since 1970. */
  readonly now: number
  readonly bucket: number
  readonly requestHash: number
}

/** What a call is planned from: its key, its needs, its preferences, and what the operator configured. */
export function planInputOf(
  call: { settings: Settings; caller: Caller },
  request: RoutedRequest,
  needs: Needs,
): PlanInput {
  const { providers: configured, autoModels, autoChosen, ownModels, withheld } = call.settings
  const { models: allowed } = call.caller
  return {
    request,
    needs,
    configured,
    autoModels,
    autoChosen,
    ownModels,
    allowed,
    withheld,
    isPriced: hasBudget(call.caller) ? (deployment) => isPriced(deployment, call.settings) : undefined,
  }
}

/** Whether it is known what an answer costs, before it or with it. */
export function isPriced(deployment: Deployment, { prices, providers }: Settings): boolean {
  const reportsCost = providers.get(deployment.provider)?.provider.reportsCost === true
  return reportsCost || priceOf(deployment, prices) !== undefined
}

export interface RouteInput {
  readonly plan: Plan
  readonly request: RoutedRequest
  readonly needs: Needs
  readonly settings: Settings
  readonly view: HealthView
  readonly requestId: string
  readonly session?: RankedSession | undefined
  /** The request as it came, which some deployments are asked at an endpoint beside that for chats. */
  readonly source?: RequestSource | undefined
  /** Rank every candidate, and not only the first, of which one is likely to answer. */
  readonly rankAll?: boolean | undefined
}

/** Puts a plan's candidates in the order in which they are to be tried now. */
export function routeOf(input: RouteInput): Route {
  const { plan, request, needs, settings, view, requestId, session } = input
  const bucket = bucketOf(request.stream === true, needs.promptTokens())
  const requestHash = hashOf(requestId)
  const options: RankOptions = {
    requestHash,
    // Without health the given order decides alone.
    session: settings.tracksHealth ? session : undefined,
    policy: plan.policy,
    sort: plan.sort,
    bucket,
    outputTokens: needs.outputTokens,
  }
  const limitsOf = timeoutLimitsFor(settings.timeouts, {
    stream: request.stream === true,
    reasoning: needs.reasoning,
    promptTokens: needs.promptTokens(),
    outputTokens: needs.outputTokens,
  })
  const count = plan.candidates.length
  const likely = likelyCount(input)
  let ranking = rank(candidatesOf(input, limitsOf, likely), view, options)
  if (likely < count && ranking.ranked.filter(isHealthy).length < ENOUGH_HEALTHY) {
    ranking = rank(candidatesOf(input, limitsOf, count), view, options)
  }
  return { ranking: plan.isSingle ? onlyFirst(ranking) : ranking, now: view.now, bucket, requestHash }
}

/** The first of a plan's candidates. */
function candidatesOf(
  input: RouteInput,
  limitsOf: ReturnType<typeof timeoutLimitsFor>,
  count: number,
): RoutedDeployment[] {
  const found = new Array<RoutedDeployment>(count)
  for (let index = 0; index < count; index++) {
    const target = input.plan.candidates[index] as PlannedTarget
    const { provider, traits, price } = target.deployment
    found[index] = {
      name: healthName(target, input),
      provider,
      tier: target.tier,
      index,
      price: price === undefined ? undefined : usualPrice(price),
      traits,
      timeoutLimits: limitsOf(target.deployment),
      target,
    }
  }
  return found
}

/** One that makes no vectors, or continues no texts, may well answer chats. */
function healthName(target: Target, { needs, settings, source }: RouteInput): string {
  const { provider, traits } = target.deployment
  const name = deploymentName(target)
  // A server's own models may do both.
  if (needs.embedding === true && traits.embedding === undefined) return `${name}#embeddings`
  const configured = source && settings.providers.get(provider)
  return configured && hasOwnHealth(configured.provider, target, source) ? `${name}#${source.format}` : name
}

const FIRST_CANDIDATES = 8
const ENOUGH_HEALTHY = 4

/** `auto` may fall back on many: they are ranked only where the first are not healthy, or may refuse what is asked. */
function likelyCount({ plan, request, rankAll }: RouteInput): number {
  const isDemanding = (request.n ?? 1) > 1 || request.logprobs === true || request.provider?.require_parameters === true
  const needsAll = rankAll === true || isDemanding || plan.sort !== undefined || request.model !== AUTO
  const { length } = plan.candidates
  return needsAll ? length : Math.min(length, FIRST_CANDIDATES)
}

function isHealthy({ status }: Row): boolean {
  return status.state === 'closed'
}

/** The first that is no probe: only a request that can fail over may be one. */
function onlyFirst(ranking: Ranking<RoutedDeployment>): Ranking<RoutedDeployment> {
  const first = ranking.ranked.find(({ probe }) => probe === undefined) ?? ranking.ranked[0]
  return first === undefined ? ranking : { ...ranking, ranked: [first], out: [] }
}

type Row = Ranking<RoutedDeployment>['ranked'][number]

/** Why a target was tried, for the header `x-router9-reason`: the order of the plan, or what went against it. */
export function reasonFor({ ranking }: Route, target: Target, trace: readonly AttemptRecord[]): string {
  const isOnlyAttempt = trace.length === 1 && trace[0]?.target === target
  const before = isOnlyAttempt ? undefined : reasonBefore(target, trace)
  if (before !== undefined) return before
  const { ranked, out } = ranking
  if (ranked.length + out.length < 2) return 'only'
  const row = rowOf(target, ranked) ?? rowOf(target, out)
  if (row === undefined) return 'only'
  if (row.probe !== undefined) return 'trial'
  if (ranking.isPanic) return 'last-resort'
  if (row.candidate.index === 0) return 'first'
  return hasUnhealthyBefore(row, ranked) || hasUnhealthyBefore(row, out) ? 'healthier' : 'better'
}

/** The other attempts are the reason, where there were some before. */
function reasonBefore(target: Target, trace: readonly AttemptRecord[]): string | undefined {
  const startedAt = trace.find((attempt) => attempt.target === target)?.startedAt ?? Number.POSITIVE_INFINITY
  // A hedge that was asked later is none of the reasons.
  const before = trace.filter((attempt) => attempt.target !== target && (attempt.startedAt ?? 0) <= startedAt)
  if (before.length === 0) return undefined
  return before.some(({ outcome }) => outcome === LOST) ? 'hedge' : 'fallback'
}

function hasUnhealthyBefore(row: Row, rows: readonly Row[]): boolean {
  return rows.some((other) => isBefore(other, row) && !isHealthy(other))
}

function rowOf(target: Target | undefined, rows: readonly Row[]): Row | undefined {
  for (let at = 0; at < rows.length; at++) if (rows[at]?.candidate.target === target) return rows[at]
  return undefined
}

/** Which unhealthy ones stood before the target that was tried first: `provider/model:state:seconds until it comes back`. */
export function skippedIn({ ranking, now }: Route, trace: readonly AttemptRecord[]): string {
  const { ranked, out } = ranking
  if (out.length === 0 && ranked.every(isHealthy)) return ''
  const rows = [...ranked, ...out]
  if (rows.length < 2) return ''
  const tried = new Set(trace.map(({ target }) => target))
  const first = rowOf(trace.find(({ outcome }) => outcome !== LOST)?.target, rows)
  return rows
    .filter((row) => !isHealthy(row) && !tried.has(row.candidate.target) && (!first || isBefore(row, first)))
    .slice(0, MAX_SKIPPED)
    .map(({ candidate, status: { state, until } }) => {
      const waitMs = until - now
      return `${candidate.name}:${state}${waitMs > 0 ? `:${Math.ceil(waitMs / 1000)}s` : ''}`
    })
    .join(',')
}

const MAX_SKIPPED = 5

function isBefore(one: Row, other: Row): boolean {
  return one.candidate.index < other.candidate.index
}
