import { type Caller, countRequest } from '../access/limits.ts'
import { Failure } from '../chat/failure.ts'
import { parseChat } from '../chat/request.ts'
import type { ConfiguredProvider, ObjectsOf, Settings } from '../env.ts'
import type { HeaderReader } from '../formats/format.ts'
import { openaiEmbeddingsClient } from '../formats/openai-embeddings/client.ts'
import { planEmbedding } from '../gateway/embed.ts'
import { prepareEmbedding } from '../gateway/embedding-attempt.ts'
import type { RegionAccess } from '../gateway/health-reporter.ts'
import { prepareCall } from '../gateway/prepare-call.ts'
import { planInputOf, type RoutedDeployment, routeOf } from '../gateway/route.ts'
import { sessionInHeader, sessionOf } from '../gateway/session.ts'
import type { HealthView } from '../health/isolate.ts'
import { sleep } from '../platform/timeout.ts'
import type { Ranked, RankedSession } from '../routing/candidate.ts'
import { leftOutOf } from '../routing/exclusions.ts'
import { needsOf } from '../routing/needs.ts'
import { type Plan, plan } from '../routing/plan.ts'
import type { PlanInput } from '../routing/plan-input.ts'
import { deploymentName, type Target } from '../routing/target.ts'
import { currentHealth, deploymentEntry, rounded } from './deployment-health.ts'

type Fields = Readonly<Record<string, unknown>>

/** For so many it is checked whether they can be sent this: each check writes the request, with the whole prompt. */
const MAX_CHECKED = 20
/** The request of a dry run. */
export interface DryRun {
  readonly body: Readonly<Record<string, unknown>>
  readonly settings: Settings
  readonly caller: Caller
  readonly requestId: string
  readonly header: HeaderReader
}

type DryRunAccess = RegionAccess & { readonly objects: ObjectsOf<'Health' | 'Ledger'> }

/** What is known of a request before anybody is asked. */
interface Asked {
  readonly input: PlanInput
  readonly planned: Plan
  readonly session?: RankedSession | undefined
  /** Why a deployment cannot be sent this at all. */
  readonly refusalBy: (target: Target, provider: ConfiguredProvider) => object
}

/** A body with an input and no messages asks for vectors. @throws Failure as the path would that it is for. */
function readAsked({ body, settings, caller, header }: DryRun): Asked {
  const call = { settings, caller }
  if (body.input !== undefined && body.messages === undefined) {
    const request = openaiEmbeddingsClient.readRequest(body, header)
    const { work, needs, planned } = planEmbedding(call, request, () => {}, 0)
    const refusalBy = (target: Target, provider: ConfiguredProvider) => prepareEmbedding(work, target, provider)
    return { input: planInputOf(call, request, needs), planned, refusalBy }
  }
  const chat = parseChat(body)
  const needs = needsOf(chat)
  const input = planInputOf(call, chat, needs)
  const { promptTokens } = needs
  return {
    input,
    planned: plan(input),
    session: sessionOf({ named: sessionInHeader(header), body, chat, caller, hasChoice: true }),
    refusalBy: (target, provider) => prepareCall({ target, provider, chat, promptTokens, header: () => null }),
  }
}

/**
 * What chat completions would do with this body now, or embeddings, without calling a provider (contract 1): the plan with
 * scores and health, and why the others are not in it. It counts against the key's limits, for it is as much work.
 * @throws Failure as they would.
 */
export async function dryRun(asked: DryRun, access: DryRunAccess): Promise<Fields> {
  const { settings, caller, requestId } = asked
  const { input, planned, session, refusalBy } = readAsked(asked)
  const { request, needs } = input
  await countRequest(caller, access.objects, access.waitUntil)
  const view = await currentHealth(settings, access)
  const { ranking } = routeOf({ plan: planned, request, needs, settings, view, requestId, session, rankAll: true })
  const { out, isPanic: panic } = ranking
  const refusals: (Failure | undefined)[] = []
  for (const { candidate } of ranking.ranked.slice(0, MAX_CHECKED)) {
    const { target } = candidate
    const provider = settings.providers.get(target.deployment.provider)
    const call = provider && refusalBy(target, provider)
    refusals.push(call instanceof Failure ? call : undefined)
    // With a large prompt each check takes milliseconds: other calls get their turn.
    await sleep(0)
  }
  const [refusal] = refusals
  // The call itself fails the same way where no candidate can be sent this.
  if (refusal !== undefined && out.length === 0 && !refusals.includes(undefined)) throw refusal
  const ranked = ranking.ranked.filter((_, at) => refusals[at] === undefined)
  return {
    object: 'route',
    requested_model: request.model,
    model: ranked[0]?.candidate.target.model ?? null,
    prompt_tokens_estimate: needs.promptTokens(),
    policy: planned.sort ?? planned.policy,
    last_resort: panic,
    plan: ranked.map((row) => rankedEntry(row, view)),
    left_out: [
      ...out.map((row) => ({ ...rankedEntry(row, view), reason: row.status.state })),
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
