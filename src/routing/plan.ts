import { findProvider, type Provider } from '../catalog/providers.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { allows } from './allow.ts'
import { AUTO, autoTargets, isAuto, reasoningFirst, uniqueAutoTargets } from './auto.ts'
import type { Policy, RankSort } from './candidate.ts'
import { CHATS, EMBEDDINGS, fits, missingCapability, type Needs } from './needs.ts'
import type { PlanInput, RoutedRequest } from './plan-input.ts'
import { applyPreferences, type Preferences } from './preferences.ts'
import { pinnedProvider, resellerStep, resolve } from './resolve.ts'
import { type PlannedTarget, type Target, uniqueTargets } from './target.ts'
import { canSearchWeb, inVariant, readVariant, sortOf } from './variants.ts'

/** Who may answer a request, in the order of the operator and the caller; health and speed decide among them. */
export interface Plan {
  readonly candidates: readonly PlannedTarget[]
  /** `strict` where the caller gave an order. */
  readonly policy: Policy
  readonly sort: RankSort | undefined
  /** Only one of them may be tried. */
  readonly isSingle: boolean
}

/**
 * The candidates for a request: the one place where it is decided who may answer (routing 2.4).
 * @throws Failure if no deployment may: unknown model, not on the key's list, not capable, no provider.
 */
export function plan(input: PlanInput): Plan {
  const { request, configured, needs, isPriced } = input
  if (configured.size === 0 && input.withheld?.size) {
    throw new Failure('model-not-allowed', 'This key may use none of the configured providers.', { param: 'model' })
  }
  if (configured.size === 0) {
    const text = "No provider is configured. Set a provider's key, such as OPENAI_API_KEY or ANTHROPIC_API_KEY."
    throw new Failure('no-provider', text)
  }
  const names = namesOf(request)
  const targets = targetsInOrder(input, names)
  if (targets.length === 0) throw noTargetLeft(request)
  const { order, allow_fallbacks } = request.provider ?? NO_PREFERENCES
  const sort = request.provider?.sort ?? sortOf(targets[0]?.variant)
  return {
    candidates: pricedOnly(capableOnly(targets, needs, names), isPriced),
    policy: names.length === 1 && !order && sort !== 'price' ? 'balanced' : 'strict',
    // A price is known before anybody is ranked; see `applyPreferences`.
    sort: sort === 'price' ? undefined : sort,
    isSingle: allow_fallbacks === false,
  }
}

const NO_PREFERENCES: Preferences = {}

/** The models that a request names, in its order. */
export function namesOf({ model, models }: RoutedRequest): readonly string[] {
  return models?.length ? [...new Set([model, ...models])] : [model]
}

/** Preferences order the targets of one name. The names keep the caller's order: each name's tiers come below those of the name before. */
function targetsInOrder(input: PlanInput, names: readonly string[]): readonly PlannedTarget[] {
  const { model } = input.request
  const first = preferredTargets(input, model)
  // One name means no deployment twice, but `auto` may.
  if (names.length === 1) return isAuto(model) ? uniqueAutoTargets(first) : first
  let firstTier = 0
  const targets = names.flatMap((name, at) => {
    const preferred = at === 0 ? first : preferredTargets(input, name)
    const lowered = preferred.map((target) => ({ ...target, tier: firstTier + target.tier }))
    firstTier = Math.floor(lowered.at(-1)?.tier ?? firstTier) + 1
    return lowered
  })
  return uniqueTargets(targets)
}

function preferredTargets(input: PlanInput, name: string): readonly PlannedTarget[] {
  const targets = targetsOfName(input, name)
  const preferred = applyPreferences(targets, preferencesFor(input.request, targets[0]))
  return isAuto(name) ? reasoningFirst(preferred, input.needs) : preferred
}

/** A variant of a name asks for an order too, unless the request does. */
function preferencesFor({ provider }: RoutedRequest, first: Target | undefined): Preferences | null | undefined {
  const sort = provider?.sort ?? sortOf(first?.variant)
  return sort === provider?.sort ? provider : { ...provider, sort }
}

function targetsOfName(input: PlanInput, name: string): readonly PlannedTarget[] {
  if (name === AUTO) return autoTargets(input)
  const read = readVariant(name)
  if (read?.base === AUTO) return inVariant(autoTargets(input), read.variant)
  const targets = usableTargets(input, name)
  if (targets.length < 2 || pinnedProvider(name) === undefined) return targets
  return targets.map((target, at) => (at > 0 ? { ...target, tier: 1 } : target))
}

/** What a name means under the operator's settings, whoever asks. */
interface Meaning {
  /** Configured or not; undefined for an unknown name. */
  readonly targets: readonly Target[] | undefined
  /** Those that are configured. */
  readonly usable: readonly PlannedTarget[]
}

/** By `PlanInput.configured`. Nothing that one request prefers, or one key may use, may get in here: it is used for all. */
const meanings = new WeakMap<object, Map<string, Meaning>>()
/** Callers may invent names. */
const MAX_NAMES = 64

function meaningOf(input: PlanInput, name: string): Meaning {
  const { configured, request } = input
  // Here the request decides.
  if (request.provider?.allow_fallbacks === true) return readMeaning(input, name)
  let known = meanings.get(configured)
  if (known === undefined) {
    known = new Map()
    meanings.set(configured, known)
  }
  let meaning = known.get(name)
  if (meaning === undefined) {
    meaning = readMeaning(input, name)
    if (known.size >= MAX_NAMES) known.clear()
    if (meaning.usable.length > 0) known.set(name, meaning)
  }
  return meaning
}

function readMeaning(input: PlanInput, name: string): Meaning {
  const targets = resolve(input, name)
  const usable = (targets ?? []).filter(({ deployment }) => input.configured.has(deployment.provider))
  return { targets, usable: usable.map((target) => ({ ...target, tier: resellerStep(target) })) }
}

/** What a name means, as far as the key may use it and it is configured. */
function usableTargets(input: PlanInput, name: string): readonly PlannedTarget[] {
  const { targets, usable } = meaningOf(input, name)
  const { allowed } = input
  const permitted = allowed === undefined ? usable : only(usable, (target) => allows(allowed, target))
  if (permitted.length === 0) throw noneUsable(input, name, targets)
  return permitted
}

function noneUsable(input: PlanInput, name: string, targets: readonly Target[] | undefined): Failure {
  const { request, allowed, withheld } = input
  const param = name === request.model ? 'model' : `models[${request.models?.indexOf(name)}]`
  if (targets === undefined) {
    const text = `The model '${quoted(name)}' does not exist. GET /v1/models lists those that do.`
    return new Failure('unknown-model', text, { param })
  }
  if (targets.length === 0) {
    return new Failure('unknown-model', `There is no free variant of the model '${quoted(name)}'.`, { param })
  }
  const permitted = targets.filter((target) => allows(allowed, target))
  if (permitted.length === 0) {
    return new Failure('model-not-allowed', `This key may not use the model '${quoted(name)}'.`, { param })
  }
  if (permitted.some(({ deployment }) => withheld?.has(deployment.provider))) {
    const text = `This key may not use the providers of the model '${quoted(name)}'.`
    return new Failure('model-not-allowed', text, { param })
  }
  const providers = [...new Set(permitted.map(({ deployment }) => deployment.provider))]
  const settings = providers.map((id) => settingOf(findProvider(id))).join(' or ')
  const text = `No provider is configured for the model '${quoted(name)}'. Set ${settings}.`
  return new Failure('unknown-model', text, { param })
}

/** The items that a test keeps: mostly all, and then the same list. */
function only<Item>(items: readonly Item[], keeps: (item: Item) => boolean): readonly Item[] {
  return items.every(keeps) ? items : items.filter(keeps)
}

function noTargetLeft({ model, provider }: RoutedRequest): Failure {
  const text = provider
    ? `No provider is left for '${quoted(model)}' after 'provider.only', 'provider.ignore', 'provider.max_price' and an order without fallbacks.`
    : `No provider is configured for any model that '${quoted(model)}' may use.`
  return new Failure('unknown-model', text, { param: 'model' })
}

/** What a target lacks for a request, in the error's `param`; undefined where it lacks nothing. */
export function missingCapabilityOfTarget(target: Target, needs: Needs): string | undefined {
  const lack = missingCapability(needs, target.deployment.traits)
  if (lack !== undefined || target.variant !== 'online') return lack
  return canSearchWeb(target) ? undefined : 'web_search'
}

function capableOnly(
  targets: readonly PlannedTarget[],
  needs: Needs,
  names: readonly string[],
): readonly PlannedTarget[] {
  const capable = only(targets, (target) => missingCapabilityOfTarget(target, needs) === undefined)
  const first = targets[0]
  if (capable.length === 0 && first !== undefined) {
    const lack = missingCapabilityOfTarget(first, needs) ?? ''
    const otherKind = OTHER_KIND[lack]
    if (otherKind !== undefined) {
      throw new Failure('model-not-capable', `The model '${quoted(names[0] ?? '')}' ${otherKind}`, { param: 'model' })
    }
    const text = `No model that '${quoted(names[0] ?? '')}' may be answered by can do what is asked: ${lack} is lacking.`
    throw new Failure('model-not-capable', text, { param: lack })
  }
  // If there is only one model, its provider decides whether the prompt fits. Among several models our estimate chooses.
  if (capable.every(({ model }) => model === capable[0]?.model)) return capable
  const roomy = only(capable, ({ deployment: { traits } }) => fits(needs, traits))
  if (roomy.length > 0) return roomy
  const text = 'The prompt and the answer asked for fit the window of no model that may answer. Shorten the messages.'
  throw new Failure('model-not-capable', text, { param: 'context' })
}

/** What is said of a model that is not of the kind that is asked for, by what it lacks. */
const OTHER_KIND: Readonly<Record<string, string>> = {
  [EMBEDDINGS]: 'answers chats and makes no embeddings. GET /v1/models lists those that do.',
  [CHATS]: 'makes embeddings and answers no chats. Ask it by POST /v1/embeddings.',
}

function pricedOnly(targets: readonly PlannedTarget[], isPriced: PlanInput['isPriced']): readonly PlannedTarget[] {
  if (isPriced === undefined) return targets
  const priced = only(targets, ({ deployment }) => isPriced(deployment))
  const first = targets[0]
  if (priced.length > 0 || first === undefined) return priced
  const { provider, upstreamModel } = first.deployment
  const name = quoted(`${provider}/${upstreamModel}`)
  const text = `This key has a budget, and no price is known for '${name}'. Use a model that has one (GET /v1/models), or have MODEL_PRICES set: ${name}=INPUT:OUTPUT, in US dollars per million tokens.`
  throw new Failure('unpriced-model', text, { param: 'model' })
}

/** The setting that enables a provider. */
function settingOf(provider: Provider | undefined): string {
  return `${provider?.settingPrefix}_${provider?.keyOptional === true ? 'BASE_URL' : 'API_KEY'}`
}
