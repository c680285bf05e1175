import type { KeyRecord } from '../access/keys.ts'
import { admit } from '../access/limits.ts'
import { Failure } from '../chat/failure.ts'
import { type Chat, parseChat } from '../chat/request.ts'
import type { ObjectsOf, Settings } from '../env.ts'
import type { HeaderReader } from '../formats/format.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { prepareCall } from '../gateway/prepare-call.ts'
import { planInputOf, type RoutedDeployment, routeOf } from '../gateway/route.ts'
import { sessionOf } from '../gateway/session.ts'
import type { HealthView } from '../health/isolate.ts'
import { sleep } from '../platform/timeout.ts'
import type { Ranked } from '../routing/candidate.ts'
import { leftOutOf } from '../routing/exclusions.ts'
import { needsOf } from '../routing/needs.ts'
import { plan } from '../routing/plan.ts'
import { deploymentName } from '../routing/target.ts'
import { currentHealth, deploymentEntry, rounded } from './deployment-health.ts'

type Fields = Readonly<Record<string, unknown>>

/** For so many it is checked whether they can be sent this: each check writes the request, with the whole prompt. */
const MAX_CHECKED = 20
/** The request of a dry run. */
export interface DryRun {
  readonly body: Readonly<Record<string, unknown>>
  readonly settings: Settings
  readonly caller: KeyRecord
  readonly requestId: string
  readonly header: HeaderReader
}

type DryRunAccess = RegionAccess & { readonly objects: ObjectsOf<'Health' | 'Ledger'> }

/**
 * What chat completions would do with this body now, without calling a provider (contract 1): the plan with scores and health,
 * and why the others are not in it. It counts against the key's limits, for it is as much work.
 * @throws Failure as chat completions would.
 */
export async function dryRun(
  { body, settings, caller, requestId, header }: DryRun,
  access: DryRunAccess,
): Promise<Fields> {
  const chat: Chat = parseChat(body)
  const needs = needsOf(chat)
  const input = planInputOf({ settings, caller }, chat, needs)
  const planned = plan(input)
  await admit(caller, access.objects, access.waitUntil)
  const view = await currentHealth(settings, access)
  const session = sessionOf({ header, body, chat, caller, hasChoice: true })
  const { ranking } = routeOf({
    plan: planned,
    request: chat,
    needs,
    settings,
    view,
    requestId,
    session,
    rankAll: true,
  })
  const { out, isPanic: panic } = ranking
  const checked = ranking.ranked.slice(0, MAX_CHECKED)
  const refusals: (Failure | undefined)[] = []
  for (const { candidate } of checked) {
    refusals.push(refusalBy(candidate, settings, chat, needs.promptTokens))
    // With a large prompt each check takes milliseconds: other calls get their turn.
    await sleep(0)
  }
  const [refusal] = refusals
  // Chat completions fails the same way where no candidate can be sent this.
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
      ...leftOutOf(input, planned).map(({ reason, ...target }) => ({
        id: deploymentName(target),
        model: target.model,
        provider: target.deployment.provider,
        reason,
      })),
    ],
  }
}

/** Why a deployment cannot be sent this at all. */
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
