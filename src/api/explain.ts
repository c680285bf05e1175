import type { KeyRecord } from '../access/keys.ts'
import { admit } from '../access/limits.ts'
import { Failure, quoted, redactKeys } from '../chat/failure.ts'
import { type Chat, parseChat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import { noHealthReporter, type RegionAccess, refreshHealth } from '../gateway/health-reporter.ts'
import { prepareCall } from '../gateway/prepare.ts'
import { planInputOf, type RoutedDeployment, routeOf } from '../gateway/route.ts'
import type { HealthView } from '../health/isolate.ts'
import { bucketOf } from '../health/outcome.ts'
import { sleep } from '../platform/timeout.ts'
import type { Ranked } from '../routing/candidate.ts'
import { leftOutOf } from '../routing/left-out.ts'
import { needsOf } from '../routing/needs.ts'
import { plan } from '../routing/plan.ts'
import { deploymentName } from '../routing/target.ts'

type Fields = Readonly<Record<string, unknown>>

/** Whoever asks how things are gets the region's own word, if that comes in time. */
const REGION_TIMEOUT_MS = 1000
/** Of so many it is found out whether they can be asked this: each is a request made ready, with the whole prompt. */
const MAX_LOOKED_AT = 20
/** A short prompt's stream: what most people mean by latency. */
const USUAL_BUCKET = bucketOf(true, 0)

async function currentHealth(settings: Settings, reach: RegionAccess): Promise<HealthView> {
  return settings.tracksHealth ? refreshHealth(reach, REGION_TIMEOUT_MS) : noHealthReporter().view()
}

/** How every configured provider does, as `auto` sees it (contract 1): its deployments that were asked of late. */
export async function listProviders(settings: Settings, reach: RegionAccess): Promise<Fields> {
  const view = await currentHealth(settings, reach)
  const names = view.deployments()
  const data = [...settings.providers].map(([id, { provider }]) => {
    const deployments = names.filter((name) => name.startsWith(`${id}/`)).map((name) => deploymentEntry(name, view))
    // Names of models that only somebody's own server knows are the words of whoever asked for them, and nobody else's business.
    const named = provider.anyModel === true ? (settings.ownModels.get(id) ?? []) : undefined
    const told = named === undefined ? deployments : deployments.filter(({ model }) => named.includes(model))
    return { id, object: 'provider', state: stateOf(deployments), deployments: told }
  })
  return { object: 'list', data }
}

type Entry = ReturnType<typeof deploymentEntry>

function deploymentEntry(name: string, view: HealthView) {
  const { state, successRate: p, ttftMs, ttftP95Ms, tokensPerSecond, reason, until } = view.statusOf(name, USUAL_BUCKET)
  // Of a dry run they may be the caller's own words.
  const told = redactKeys(quoted(name))
  return {
    id: told,
    model: told.slice(told.indexOf('/') + 1),
    state,
    success_rate: rounded(p, 4),
    ttft_ms: { p50: rounded(ttftMs), p95: rounded(ttftP95Ms) },
    tokens_per_second: rounded(tokensPerSecond, 1),
    reason: reason === '' ? null : reason,
    until: until > view.now ? new Date(until).toISOString() : null,
  }
}

/** A provider is as well as its best deployment; one that nobody has asked is taken for well. */
function stateOf(deployments: readonly Entry[]): string {
  for (const state of ['closed', 'suspect', 'half-open', 'limited', 'open']) {
    if (deployments.some((entry) => entry.state === state)) return state
  }
  return 'closed'
}

function rounded(value: number | undefined, digits = 0): number | null {
  return value === undefined ? null : Number(value.toFixed(digits))
}

/** What a dry run is made for. */
export interface DryRun {
  readonly body: Readonly<Record<string, unknown>>
  readonly settings: Settings
  readonly caller: KeyRecord
  readonly requestId: string
}

type DryRunAccess = RegionAccess & { readonly objects: ObjectsOf<'Health' | 'Ledger'> }

/**
 * What chat completions would do with this body now, without asking anybody (contract 1): the plan with what speaks for each,
 * and why the others are not in it.
 * It counts against the key's limits, for it is as much work.
 * @throws Failure as chat completions would.
 */
export async function dryRun({ body, settings, caller, requestId }: DryRun, reach: DryRunAccess): Promise<Fields> {
  const chat: Chat = parseChat(body)
  const needs = needsOf(chat)
  const situation = planInputOf({ settings, caller }, chat, needs)
  const planned = plan(situation)
  await admit(caller, reach.objects, reach.waitUntil)
  const view = await currentHealth(settings, reach)
  const { ranking } = routeOf({ plan: planned, chat, needs, settings, view, requestId, rankAll: true })
  const { out, isPanic: panic } = ranking
  const looked = ranking.ranked.slice(0, MAX_LOOKED_AT)
  const refusals: (Failure | undefined)[] = []
  for (const { candidate } of looked) {
    refusals.push(refusalBy(candidate, settings, chat, needs.promptTokens))
    // With a large prompt each takes milliseconds: other calls have their turn.
    await sleep(0)
  }
  const [refusal] = refusals
  // Chat completions finds this out by trying one after the other, at nobody's cost.
  if (refusal !== undefined && out.length === 0 && !refusals.includes(undefined)) throw refusal
  const ranked = ranking.ranked.filter((_, at) => refusals[at] === undefined)
  return {
    object: 'route',
    requested_model: chat.model,
    model: ranked[0]?.candidate.target.model ?? null,
    prompt_tokens_estimate: needs.promptTokens(),
    policy: planned.sort ?? planned.policy,
    last_resort: panic,
    plan: ranked.map((row) => rankedEntry(row, view)),
    left_out: [
      ...out.map((row) => ({ ...rankedEntry(row, view), reason: row.state })),
      ...ranking.ranked.flatMap((row, at) => {
        const reason = refusals[at]?.message
        return reason === undefined ? [] : { ...rankedEntry(row, view), reason }
      }),
      ...leftOutOf(situation, planned).map(({ reason, ...target }) => ({
        id: deploymentName(target),
        model: target.model,
        provider: target.deployment.provider,
        reason,
      })),
    ],
  }
}

/** Why a target cannot be asked this at all. */
function refusalBy(
  { target }: RoutedDeployment,
  { providers }: Settings,
  chat: Chat,
  promptTokens: () => number,
): Failure | undefined {
  const provider = providers.get(target.deployment.provider)
  if (provider === undefined) return undefined
  const call = prepareCall({ target, provider, chat, promptTokens, header: () => null })
  return call instanceof Failure ? call : undefined
}

function rankedEntry({ candidate, score, probe }: Ranked<RoutedDeployment>, view: HealthView): Fields {
  const { target, provider, name, tier, price } = candidate
  const { model: _, ...health } = deploymentEntry(name, view)
  return {
    ...health,
    model: target.model,
    provider,
    tier,
    score: rounded(score, 4),
    trial: probe !== undefined,
    usual_price: rounded(price, 4),
  }
}
