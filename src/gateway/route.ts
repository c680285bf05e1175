import { priceOf } from '../access/budget.ts'
import type { KeyRecord } from '../access/keys.ts'
import type { Deployment } from '../catalog/deployment.ts'
import type { Chat } from '../chat/request.ts'
import type { Settings } from '../env.ts'
import type { HealthView } from '../health/isolate.ts'
import { bucketOf } from '../health/outcome.ts'
import type { AttemptRecord } from '../routing/attempt-record.ts'
import type { AttemptCandidate } from '../routing/attempts.ts'
import { AUTO } from '../routing/auto.ts'
import type { Ranking, RankOptions } from '../routing/candidate.ts'
import { timeoutLimitsFor } from '../routing/deadline.ts'
import { hashOf } from '../routing/hash.ts'
import type { Needs } from '../routing/needs.ts'
import type { Plan } from '../routing/plan.ts'
import type { PlanInput } from '../routing/plan-input.ts'
import { usualPrice } from '../routing/preferences.ts'
import { rank } from '../routing/rank.ts'
import { deploymentName, type PlannedTarget, type Target } from '../routing/target.ts'

/** A target as it is ranked and asked. */
export interface RoutedDeployment extends AttemptCandidate {
  readonly target: Target
}

/** Whom to ask for a request, best first, and what that was found by. */
export interface Route {
  readonly ranking: Ranking<RoutedDeployment>
  /** When they were ranked, in milliseconds since 1970. */
  readonly now: number
  readonly bucket: number
  readonly requestHash: number
}

/** What a call is planned from: its key, its needs and its wishes, and what the operator configured. */
export function planInputOf(call: { settings: Settings; caller: KeyRecord }, chat: Chat, needs: Needs): PlanInput {
  const { providers: configured, autoModels, autoChosen, ownModels } = call.settings
  const { models: allowed, limits } = call.caller
  return {
    chat,
    needs,
    configured,
    autoModels,
    autoChosen,
    ownModels,
    ...(allowed === undefined ? {} : { allowed }),
    ...(limits?.budget === undefined ? {} : { isPriced: (deployment) => isPriced(deployment, call.settings) }),
  }
}

function isPriced(deployment: Deployment, { prices, providers }: Settings): boolean {
  const reportsCost = providers.get(deployment.provider)?.provider.reportsCost === true
  return reportsCost || priceOf(deployment, prices) !== undefined
}

export interface RouteInput {
  readonly plan: Plan
  readonly chat: Chat
  readonly needs: Needs
  readonly settings: Settings
  readonly view: HealthView
  readonly requestId: string
  /** Rank every candidate, for people to see, and not only as many as are likely to be asked. */
  readonly rankAll?: boolean
}

/** Puts a plan's candidates in the order in which they are to be asked now. */
export function routeOf({ plan, chat, needs, settings, view, requestId, rankAll = false }: RouteInput): Route {
  const stream = chat.stream === true
  const promptTokens = needs.promptTokens()
  const bucket = bucketOf(stream, promptTokens)
  const requestHash = hashOf(requestId)
  const { outputTokens } = needs
  const limitsOf = timeoutLimitsFor(settings.timeouts, {
    stream,
    reasoning: needs.reasoning,
    promptTokens,
    outputTokens,
  })
  const candidateOf = ({ tier, model, deployment, variant }: PlannedTarget, index: number): RoutedDeployment => {
    const { provider, traits, price } = deployment
    return {
      name: deploymentName({ deployment }),
      provider,
      tier,
      index,
      traits,
      timeoutLimits: limitsOf(deployment),
      target: variant === undefined ? { model, deployment } : { model, deployment, variant },
      ...(price === undefined ? {} : { price: usualPrice(price) }),
    }
  }
  const affinity = plan.candidates.length > 1 ? affinityOf(chat) : undefined
  const options: RankOptions = {
    requestHash,
    ...(affinity === undefined ? {} : { affinityHash: hashOf(affinity) }),
    policy: plan.policy,
    ...(plan.sort === undefined ? {} : { sort: plan.sort }),
    bucket,
    outputTokens,
  }
  // The many that `auto` may fall back on are looked at only where the first of them are not well.
  const isPicky = (chat.n ?? 1) > 1 || chat.logprobs === true || chat.provider?.require_parameters === true
  const all = rankAll || isPicky || plan.sort !== undefined || chat.model !== AUTO
  const few = all ? plan.candidates : plan.candidates.slice(0, FIRST_LOOK)
  let ranking = rank(few.map(candidateOf), view, options)
  if (few.length < plan.candidates.length && ranking.ranked.filter(isWell).length < ENOUGH) {
    ranking = rank(plan.candidates.map(candidateOf), view, options)
  }
  if (plan.isSingle && ranking.ranked.length > 0) {
    // Only a request that can fail over may be a probe.
    const first = ranking.ranked.find(({ probe }) => probe === undefined)
    ranking = { ...ranking, ranked: first === undefined ? ranking.ranked.slice(0, 1) : [first], out: [] }
  }
  return { ranking, now: view.now, bucket, requestHash }
}

const FIRST_LOOK = 8
const ENOUGH = 4

function isWell({ state }: Row): boolean {
  return state === 'closed'
}

const AFFINITY_CHARACTERS = 500

/** What tells a conversation from another, so that it stays where its prompt is cached; undefined for one that begins. */
function affinityOf({ messages, user, ...chat }: Chat): string | undefined {
  const key = (chat as { prompt_cache_key?: unknown }).prompt_cache_key
  if (typeof key === 'string') return key.slice(0, AFFINITY_CHARACTERS)
  if (typeof user === 'string') return user.slice(0, AFFINITY_CHARACTERS)
  if (!messages.some(({ role }) => role === 'assistant')) return undefined
  const content = messages.find(({ role }) => role === 'user')?.content
  return typeof content === 'string' ? content.slice(0, AFFINITY_CHARACTERS) : undefined
}

type Row = Ranking<RoutedDeployment>['ranked'][number]

/** Why a target was asked, in one word: the order of the plan, or what went against that. */
export function reasonFor({ ranking }: Route, target: Target, trace: readonly AttemptRecord[]): string {
  if (trace.some((tried) => tried.target !== target)) return 'fallback'
  if (ranking.ranked.length + ranking.out.length < 2) return 'only'
  const rows = [...ranking.ranked, ...ranking.out]
  const row = rows.find(({ candidate }) => candidate.target === target)
  if (row === undefined) return 'only'
  if (row.probe !== undefined) return 'trial'
  if (ranking.isPanic) return 'last-resort'
  if (row.candidate.index === 0) return 'first'
  return rows.some((other) => isBefore(other, row) && other.state !== 'closed') ? 'healthier' : 'better'
}

/** Who stood before the target that was asked first and is not well: `provider/model:state:seconds until it comes back`. */
export function skippedIn({ ranking, now }: Route, trace: readonly AttemptRecord[]): string {
  if (ranking.ranked.length + ranking.out.length < 2) return ''
  const asked = new Set(trace.map(({ target }) => target))
  const rows = [...ranking.ranked, ...ranking.out]
  const first = rows.find(({ candidate }) => candidate.target === trace[0]?.target)
  return rows
    .filter((row) => row.state !== 'closed' && !asked.has(row.candidate.target) && (!first || isBefore(row, first)))
    .slice(0, MAX_SKIPPED)
    .map(({ candidate, state, until }) => {
      const waitMs = until - now
      return `${candidate.name}:${state}${waitMs > 0 ? `:${Math.ceil(waitMs / 1000)}s` : ''}`
    })
    .join(',')
}

const MAX_SKIPPED = 5

function isBefore(one: Row, other: Row): boolean {
  return one.candidate.index < other.candidate.index
}
