import type { Deployment, Model, Price } from '../catalog/deployment.ts'
import { allModels, findDeployment, findModel } from '../catalog/models.ts'
import { findProvider, type Provider } from '../catalog/providers.ts'
import { Failure, quoted } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import { type AllowList, allows } from './allow.ts'
import { fits, missingCapability, type Needs, NO_NEEDS } from './needs.ts'
import { unlistedModelTraits } from './open-traits.ts'
import { inVariant, readVariant, searches, sortOf, type Variant } from './variants.ts'

/** Whom a request may go to: a model at a provider. */
export interface Target {
  /** The public id, which the answer carries. */
  readonly model: string
  readonly deployment: Deployment
  /** How the model is to be served, where its name said so. */
  readonly variant?: Variant
}

/** A target in a plan. Those of a lower tier are wanted more; in one tier, whichever does best may answer. */
export interface PlannedTarget extends Target {
  readonly tier: number
}

/** Whom a request may go to, in the order of what was configured and asked for; how well they are decides among them. */
export interface Plan {
  readonly candidates: readonly PlannedTarget[]
  /** How much being quick is worth against being wanted: nothing where the caller gave an order. */
  readonly policy: 'strict' | 'balanced'
  readonly sort?: 'latency' | 'throughput'
  /** No more than one of them is to be asked. */
  readonly isSingle: boolean
}

/** What a plan is made from. */
export interface PlanInput {
  readonly chat: Chat
  readonly needs: Needs
  /** The ids of the providers that are configured: one object for all requests under the same settings. */
  readonly configured: Pick<ReadonlySet<string>, 'has' | 'size'>
  readonly autoModels: readonly string[]
  readonly autoChosen: boolean
  /** For each provider whose models the catalogue cannot know: those that the operator named. */
  readonly ownModels: ReadonlyMap<string, readonly string[]>
  /** The models that the key may use; all where undefined. */
  readonly allowed?: AllowList
  /** Whether it will be known what an answer cost; where undefined nobody has to know. */
  readonly isPriced?: (deployment: Deployment) => boolean
}

/** The name that leaves the choice to Router9. */
export const AUTO = 'auto'
/** No server has names that are longer; a caller's text can be megabytes, and names are kept. */
const NAME_CHARACTERS = 200

/**
 * The candidates for a request. The one place where it is decided who may answer.
 * @throws Failure where nobody may: unknown model, outside the key's list, not capable, no provider.
 */
export function plan(situation: PlanInput): Plan {
  const { chat, configured } = situation
  if (configured.size === 0) {
    const text = "No provider is configured. Set a provider's key, such as OPENAI_API_KEY or ANTHROPIC_API_KEY."
    throw new Failure('no-provider', text)
  }
  const names = namesOf(chat)
  const preferred = unique(inOrder(situation, names))
  if (preferred.length === 0) throw noTargetLeft(chat)
  const { order, allow_fallbacks } = chat.provider ?? {}
  const sort = chat.provider?.sort ?? sortOf(preferred[0]?.variant)
  return {
    candidates: pricedOnly(capableOnly(preferred, situation.needs, names), situation.isPriced),
    policy: names.length === 1 && !order && sort !== 'price' ? 'balanced' : 'strict',
    ...(sort === 'latency' || sort === 'throughput' ? { sort } : {}),
    isSingle: allow_fallbacks === false,
  }
}

/** The models that a request names, in its order. */
export function namesOf({ model, models }: Chat): readonly string[] {
  return [...new Set([model, ...(models ?? [])])]
}

/** Preferences order a name's own targets; the order of names is the caller's. */
function inOrder(situation: PlanInput, names: readonly string[]): readonly PlannedTarget[] {
  const preferred = names.map((name) => {
    const targets = targetsOfName(situation, name)
    const ordered = applyPreferences(targets, wishesFor(situation.chat, targets[0]?.variant))
    return isAuto(name) ? reasoningFirst(ordered, situation.needs) : ordered
  })
  const [only] = preferred
  if (only !== undefined && preferred.length === 1) return only
  let first = 0
  return preferred.flatMap((targets) => {
    const raised = targets.map((target) => ({ ...target, tier: first + target.tier }))
    first = Math.floor(raised.at(-1)?.tier ?? first) + 1
    return raised
  })
}

/** A variant of a name asks for an order too, unless the request itself does. */
function wishesFor({ provider }: Chat, variant: Variant | undefined): Preferences | null | undefined {
  const sort = provider?.sort ?? sortOf(variant)
  return sort === provider?.sort ? provider : { ...provider, sort }
}

function targetsOfName(situation: PlanInput, name: string): readonly PlannedTarget[] {
  if (name === AUTO) return autoTargets(situation)
  const read = readVariant(name)
  if (read?.base === AUTO) return inVariant(autoTargets(situation), read.variant)
  const isPin = pinOf(name) !== undefined
  return targetsOfNamed(situation, name).map((target, at) => ({
    ...target,
    tier: isPin && at > 0 ? 1 : resellerTier(target),
  }))
}

/** Whoever sells others' models on comes after those who serve them, and before the next model. */
function resellerTier({ deployment }: Target): number {
  return findProvider(deployment.provider)?.isReseller === true ? RESELLER_TIER : 0
}

const RESELLER_TIER = 0.2

function targetsOfNamed(situation: PlanInput, name: string): Target[] {
  const { chat, configured, allowed } = situation
  const param = name === chat.model ? 'model' : `models[${chat.models?.indexOf(name)}]`
  const targets = resolve(situation, name)
  if (targets === undefined) {
    const text = `The model '${quoted(name)}' does not exist. GET /v1/models lists those that do.`
    throw new Failure('unknown-model', text, { param })
  }
  if (targets.length === 0) {
    throw new Failure('unknown-model', `There is no free variant of the model '${quoted(name)}'.`, { param })
  }
  const permitted = allowed === undefined ? targets : targets.filter((target) => allows(allowed, target))
  if (permitted.length === 0) {
    throw new Failure('model-not-allowed', `This key may not use the model '${quoted(name)}'.`, { param })
  }
  const here = permitted.filter(({ deployment }) => configured.has(deployment.provider))
  if (here.length === 0) {
    const providers = [...new Set(permitted.map(({ deployment }) => deployment.provider))]
    const settings = providers.map((id) => settingOf(findProvider(id))).join(' or ')
    const text = `No provider is configured for the model '${quoted(name)}'. Set ${settings}.`
    throw new Failure('unknown-model', text, { param })
  }
  return here
}

function targetsOf(model: Model): Target[] {
  return model.deployments.map((deployment) => ({ model: model.id, deployment }))
}

/** The provider that a name begins with. */
function pinOf(name: string): Provider | undefined {
  const slash = name.indexOf('/')
  return slash > 0 ? findProvider(name.slice(0, slash)) : undefined
}

/** `provider/model`: that provider, and others only where the caller says so (contract 8). */
function targetsOfPin(
  { chat, ownModels }: Pick<PlanInput, 'ownModels'> & { chat?: Chat },
  name: string,
): readonly Target[] | undefined {
  const provider = pinOf(name)
  if (provider === undefined) return undefined
  const rest = name.slice(name.indexOf('/') + 1)
  const found = findDeployment(provider.id, rest)
  if (found !== undefined) {
    const first = { model: found.model.id, deployment: found.deployment }
    const others = chat?.provider?.allow_fallbacks === true ? targetsOf(found.model) : []
    return unique([first, ...others])
  }
  const own = ownModels.get(provider.id) ?? []
  const closed = own.length > 0 && !own.includes(rest)
  if (provider.anyModel !== true || rest === '' || rest.length > NAME_CHARACTERS || closed) return undefined
  return [targetOfUnlistedModel(provider.id, rest, name)]
}

function targetsOfModel(name: string): readonly Target[] | undefined {
  const model = findModel(name)
  return model && targetsOf(model)
}

/** A model that the operator named as one of their own server's. */
function targetsOfOwnModel({ ownModels }: Pick<PlanInput, 'ownModels'>, name: string): readonly Target[] | undefined {
  const targets = [...ownModels].flatMap(([provider, models]) =>
    models.includes(name) ? [targetOfUnlistedModel(provider, name, name)] : [],
  )
  return targets.length > 0 ? targets : undefined
}

/** A model that only the operator's own server knows. */
export function targetOfUnlistedModel(provider: string, upstreamModel: string, model: string): Target {
  return { model, deployment: { provider, upstreamModel, traits: unlistedModelTraits } }
}

/** What `auto` may use of what is configured, by `Situation.configured`: nothing that one request wishes may get in here. */
const autoTargetsCache = new WeakMap<object, readonly PlannedTarget[]>()

function configuredAutoTargets({
  autoModels,
  configured,
  ownModels,
}: Omit<PlanInput, 'chat'>): readonly PlannedTarget[] {
  const known = autoTargetsCache.get(configured)
  if (known !== undefined) return known
  const found = autoModels.flatMap((name, tier) =>
    (resolve({ ownModels }, name) ?? [])
      .filter(({ deployment }) => configured.has(deployment.provider))
      .map((target) => ({ ...target, tier: tier + resellerTier(target) })),
  )
  autoTargetsCache.set(configured, found)
  return found
}

/** Whether a name leaves the choice to Router9, in whichever variant. */
export function isAuto(name: string): boolean {
  return name === AUTO || readVariant(name)?.base === AUTO
}

/** Whether a key may leave the choice to Router9. */
export function allowsAuto(list: AllowList): boolean {
  return list?.includes(AUTO) !== false
}

/** What `auto` may choose from: a list of nothing but `auto` leaves the choice open. */
export function autoAllowList(list: AllowList): AllowList {
  return list?.some((name) => name !== AUTO) ? list : undefined
}

/** Whom `auto` may ask at all: nobody where the key may not use it, or no configured provider has what it may use. */
export function autoCandidates(situation: Omit<PlanInput, 'chat' | 'needs'>): readonly Target[] {
  return allowsAuto(situation.allowed) ? autoTargets({ ...situation, needs: NO_NEEDS }) : []
}

function autoTargets(situation: Omit<PlanInput, 'chat'>): readonly PlannedTarget[] {
  const { allowed, autoModels, autoChosen, configured, needs, ownModels } = situation
  if (!allowsAuto(allowed)) {
    throw new Failure('model-not-allowed', "This key may not use the model 'auto'.", { param: 'model' })
  }
  const within = autoAllowList(allowed)
  const isAllowed = (target: Target) => allows(within, target)
  const chosen =
    within === undefined ? configuredAutoTargets(situation) : configuredAutoTargets(situation).filter(isAllowed)
  const isAble = ({ deployment: { traits } }: Target) =>
    missingCapability(needs, traits) === undefined && fits(needs, traits)
  const isWanted = (target: Target) => isAble(target) && (needs.reasoning === 'none' || canReason(target))
  if (autoChosen || chosen.some(isWanted)) return chosen
  // None of our own favourites is to be had, or up to it: whatever the configured providers have, the operator's own first.
  const own = [...ownModels].flatMap(([id, models]) => models.map((name) => targetOfUnlistedModel(id, name, name)))
  const others = [...own, ...allModels().flatMap(targetsOf)].filter(
    (target) => configured.has(target.deployment.provider) && isAllowed(target) && isAble(target),
  )
  return [...chosen, ...others.map((target, at) => ({ ...target, tier: autoModels.length + at }))]
}

function canReason({ deployment }: Target): boolean {
  return deployment.traits.reasoning
}

/** Whoever asks for reasoning gets it where there is any; an answer without it is still better than none. */
function reasoningFirst(targets: readonly PlannedTarget[], { reasoning: thinking }: Needs): readonly PlannedTarget[] {
  if (thinking === 'none' || targets.every(canReason) || !targets.some(canReason)) return targets
  const first = targets.filter(canReason)
  const below = Math.floor(Math.max(...first.map(({ tier }) => tier))) + 1
  const others = targets.filter((target) => !canReason(target))
  return [...first, ...others.map((target) => ({ ...target, tier: below + target.tier }))]
}

/**
 * All that a name may mean, configured or not: a pinned provider's model, a model, one of the operator's own, or a variant of
 * one of these. Nothing where there is no such variant.
 */
export function resolve(
  situation: Pick<PlanInput, 'ownModels'> & { chat?: Chat },
  name: string,
): readonly Target[] | undefined {
  const found = targetsOfPin(situation, name) ?? targetsOfModel(name) ?? targetsOfOwnModel(situation, name)
  if (found !== undefined) return found
  // Colons are common in names, so a whole name goes before a variant.
  const { base, variant } = readVariant(name) ?? {}
  if (base === undefined || variant === undefined) return undefined
  const targets = targetsOfPin(situation, base) ?? targetsOfModel(base) ?? targetsOfOwnModel(situation, base)
  return targets && inVariant(targets, variant)
}

function unique<Some extends Target>(targets: readonly Some[]): Some[] {
  const seen = new Set<string>()
  return targets.filter(({ deployment: { provider, upstreamModel }, variant = '' }) => {
    const name = `${provider}/${upstreamModel}:${variant}`
    return !seen.has(name) && seen.add(name)
  })
}

type Preferences = NonNullable<Chat['provider']>

function applyPreferences(
  targets: readonly PlannedTarget[],
  preferences: Preferences | null | undefined,
): readonly PlannedTarget[] {
  if (!preferences) return targets
  const { order, sort } = preferences
  const mayAnswer = [isWanted, isInOrder, isAffordable]
  const wanted = targets.filter((target) => mayAnswer.every((may) => may(target, preferences)))
  if (!order && sort !== 'price') return wanted
  const ranks = providerIds(order ?? [])
  const rank = ({ deployment }: Target) => {
    const at = ranks.indexOf(deployment.provider)
    return at < 0 ? ranks.length : at
  }
  const cost = sort === 'price' ? priceOrMax : () => 0
  // Sorting is stable: what ties keeps its order. Each step of an order that the caller goes by is a tier.
  return wanted.toSorted((a, b) => rank(a) - rank(b) || cost(a) - cost(b)).map((target, tier) => ({ ...target, tier }))
}

function providerIds(names: readonly string[]): readonly string[] {
  return names.map((name) => findProvider(name)?.id ?? name)
}

/** `only` and `ignore`. */
export function isWanted({ deployment: { provider } }: Target, { only, ignore }: Preferences): boolean {
  return (!only || providerIds(only).includes(provider)) && !(ignore && providerIds(ignore).includes(provider))
}

/** Without fallbacks an order is all that may be asked: whoever is out there has no stand-in from outside it. */
export function isInOrder({ deployment: { provider } }: Target, { order, allow_fallbacks }: Preferences): boolean {
  return allow_fallbacks !== false || !order?.length || providerIds(order).includes(provider)
}

/** US dollars per million tokens of a usual mixture: most answers are a third as long as their prompt. */
export function usualPrice({ input, output }: Price): number {
  return (3 * input + output) / 4
}

/** An unknown price is taken for high. */
function priceOrMax({ deployment: { price } }: Target): number {
  return price === undefined ? Number.MAX_VALUE : usualPrice(price)
}

/** `max_price`, in US dollars per million tokens; where it is set, an unknown price is too high. */
export function isAffordable({ deployment: { price } }: Target, { max_price: most }: Preferences): boolean {
  if (typeof most?.prompt === 'number' && !(price && price.input <= most.prompt)) return false
  return !(typeof most?.completion === 'number' && !(price && price.output <= most.completion))
}

function noTargetLeft(chat: Chat): Failure {
  const text = chat.provider
    ? `No provider is left for '${quoted(chat.model)}' after 'provider.only', 'provider.ignore', 'provider.max_price' and an order without fallbacks.`
    : `No provider is configured for any model that '${quoted(chat.model)}' may use.`
  return new Failure('unknown-model', text, { param: 'model' })
}

/** What a target lacks for a request, in the word that the error's `param` gets. */
export function missingCapabilityOfTarget(
  { deployment, variant, ...target }: Target,
  needs: Needs,
): string | undefined {
  const lack = missingCapability(needs, deployment.traits)
  if (lack !== undefined || variant !== 'online') return lack
  return searches({ ...target, deployment }) ? undefined : 'web_search'
}

function capableOnly(
  targets: readonly PlannedTarget[],
  needs: Needs,
  names: readonly string[],
): readonly PlannedTarget[] {
  const capable = targets.filter((target) => missingCapabilityOfTarget(target, needs) === undefined)
  const [first] = targets
  if (capable.length === 0 && first !== undefined) {
    const lack = missingCapabilityOfTarget(first, needs) ?? ''
    const text = `No model that '${quoted(names[0] ?? '')}' may be answered by can do what is asked: ${lack} is lacking.`
    throw new Failure('model-not-capable', text, { param: lack })
  }
  // One model that was asked for by name decides on its own window; among several the estimate chooses.
  if (new Set(capable.map(({ model }) => model)).size === 1) return capable
  const roomy = capable.filter(({ deployment: { traits } }) => fits(needs, traits))
  if (roomy.length > 0) return roomy
  const text = 'The prompt and the answer asked for fit the window of no model that may answer. Shorten the messages.'
  throw new Failure('model-not-capable', text, { param: 'context' })
}

function pricedOnly(targets: readonly PlannedTarget[], isPriced: PlanInput['isPriced']): readonly PlannedTarget[] {
  if (isPriced === undefined) return targets
  const priced = targets.filter(({ deployment }) => isPriced(deployment))
  const [first] = targets
  if (priced.length > 0 || first === undefined) return priced
  const { provider, upstreamModel } = first.deployment
  const name = quoted(`${provider}/${upstreamModel}`)
  const text = `This key has a budget, and no price is known for '${name}'. Use a model that has one (GET /v1/models), or have MODEL_PRICES set: ${name}=INPUT:OUTPUT, in US dollars per million tokens.`
  throw new Failure('unpriced-model', text, { param: 'model' })
}

/** The setting by which a provider exists. */
function settingOf(provider: Provider | undefined): string {
  return `${provider?.settingPrefix}_${provider?.keyOptional === true ? 'BASE_URL' : 'API_KEY'}`
}
