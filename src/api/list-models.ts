import { priceOf } from '../access/budget.ts'
import type { Deployment, Model, Price } from '../catalog/deployment.ts'
import { allModels, findModel } from '../catalog/models.ts'
import { findProvider } from '../catalog/providers.ts'
import { Failure, quoted } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { type AllowList, allows } from '../routing/allow.ts'
import { AUTO, allowsAuto, autoCandidates } from '../routing/auto.ts'
import { resolve, targetOfUnlistedModel } from '../routing/resolve.ts'
import { deploymentName, type Target } from '../routing/target.ts'
import { unlistedModelTraits } from '../routing/unlisted-model.ts'
import { modelsOfServer } from './server-models.ts'

type Fields = Readonly<Record<string, unknown>>

/** The `created` of models whose release date is not known: when Router9 began. */
const DEFAULT_CREATED = 1_767_225_600

type WaitUntil = (work: Promise<unknown>) => void

/** What of the models is listed, and for whom. */
interface Listing {
  readonly settings: Settings
  readonly allowed: AllowList
  readonly waitUntil: WaitUntil
  /** Also those that cannot answer, each with its deployments and what they lack. */
  readonly all?: boolean
}

/** The models that can answer now, `auto` first, in OpenAI's list shape with more fields (contract 1). */
export async function listModels({ settings, allowed, waitUntil, all = false }: Listing): Promise<Fields> {
  const servers = [...settings.ownModels.keys()].map((provider) => modelsOfOwnServer(provider, settings, waitUntil))
  const own = (await Promise.all(servers))
    .flat()
    .filter((target) => allows(allowed, target))
    .map((target) => ownEntry(target, settings))
  const models = allModels().flatMap((model) => {
    const entry = modelEntry(model, settings, allowed)
    if (!all) return entry === undefined ? [] : [entry]
    const [first] = model.deployments
    const shown = entry ?? (first && entryOf(model, first, [], settings))
    return shown === undefined ? [] : [{ ...shown, deployments: deploymentsOf(model, settings, allowed) }]
  })
  const auto = autoEntry(settings, allowed)
  return { object: 'list', data: [...(auto === undefined ? [] : [auto]), ...own, ...models] }
}

/** The models of an operator's own server: those that the operator has named, or else those that the server lists. */
async function modelsOfOwnServer(
  provider: string,
  settings: Settings,
  waitUntil: WaitUntil,
): Promise<readonly Target[]> {
  const server = settings.providers.get(provider)
  const named = settings.ownModels.get(provider) ?? []
  if (server === undefined) return []
  if (named.length > 0) return named.map((id) => targetOfUnlistedModel(provider, id, id))
  const listed = await modelsOfServer(server, waitUntil)
  return listed.flatMap((name) => resolve(settings, `${provider}/${name}`)?.slice(0, 1) ?? [])
}

/**
 * One model, by its id or one of its other names.
 * @throws Failure 404 if no configured provider has it, 403 if the key may not use it.
 */
export function describeModel(name: string, settings: Settings, allowed: AllowList): Fields {
  const [target] = resolve(settings, name) ?? []
  const permitted = resolve(settings, name)?.find((one) => allows(allowed, one))
  const isKnown = name === AUTO || (target !== undefined && targetEntry(target, settings, undefined) !== undefined)
  if (isKnown && (name === AUTO ? !allowsAuto(allowed) : permitted === undefined)) {
    throw new Failure('model-not-allowed', `This key may not use the model '${quoted(name)}'.`, {
      param: 'model',
    })
  }
  const entry = name === AUTO ? autoEntry(settings, allowed) : permitted && targetEntry(permitted, settings, allowed)
  if (entry === undefined) {
    const text = `The model '${quoted(name)}' does not exist, or no provider is configured for it.`
    throw new Failure('unknown-model', text, { param: 'model' })
  }
  return entry
}

/** A model, with the configured providers at which the key may use it. */
function modelEntry(model: Model, settings: Settings, allowed: AllowList): Fields | undefined {
  const usable = usableDeployments(model, settings, allowed)
  const [first] = usable
  return first && entryOf(model, first, usable, settings)
}

/** What each deployment of a model lacks to answer for this key: that it is connected, or that the key may use it. */
function deploymentsOf({ id, deployments }: Model, settings: Settings, allowed: AllowList): Fields[] {
  const { providers, withheld } = settings
  return deployments.map((deployment) => {
    const { provider } = deployment
    const connected = providers.has(provider) || withheld?.has(provider) === true
    const { settingPrefix, keyOptional } = findProvider(provider) ?? {}
    return {
      id: deploymentName({ deployment }),
      provider,
      connected,
      allowed: withheld?.has(provider) !== true && allows(allowed, { model: id, deployment }),
      ...(!connected && { setting: `${settingPrefix}_${keyOptional ? 'BASE_URL' : 'API_KEY'}` }),
    }
  })
}

function entryOf(
  { id, owner, created }: Model,
  first: Deployment,
  usable: readonly Deployment[],
  { prices }: Settings,
): Fields {
  const { traits } = first
  return {
    id,
    object: 'model',
    created,
    owned_by: owner,
    context_length: traits.contextTokens,
    max_output_tokens: traits.embedding === undefined ? traits.outputTokens : null,
    ...(traits.embedding === undefined ? {} : { dimensions: traits.embedding.dimensions }),
    modalities: { input: [...traits.input], output: [...traits.output] },
    capabilities: {
      tools: traits.tools,
      structured_output: traits.jsonSchema,
      reasoning: traits.reasoning,
      temperature: traits.temperature,
      ...(traits.efforts === undefined ? {} : { reasoning_effort: traits.efforts }),
    },
    pricing: priceEntry(priceOf(first, prices)),
    providers: usable.map(({ provider }) => provider),
  }
}

function usableDeployments(
  { id, deployments }: Model,
  { providers }: Settings,
  allowed: AllowList,
): readonly Deployment[] {
  return deployments.filter(
    (deployment) => providers.has(deployment.provider) && allows(allowed, { model: id, deployment }),
  )
}

/** The deployments behind a row of the list, by the row's id. */
export function deploymentsOfRow(id: string, settings: Settings, allowed: AllowList): readonly Deployment[] {
  if (id === AUTO) return autoTargetsOf(settings, allowed).map(({ deployment }) => deployment)
  const known = findModel(id)
  if (known !== undefined) return usableDeployments(known, settings, allowed)
  const targets = resolve(settings, id)?.filter((target) => allows(allowed, target)) ?? []
  return targets.map(({ deployment }) => deployment)
}

function priceEntry(price: Price | undefined): Fields | null {
  if (price === undefined) return null
  return {
    input: price.input,
    output: price.output,
    ...(price.cacheRead === undefined ? {} : { cache_read: price.cacheRead }),
    ...(price.cacheWrite === undefined ? {} : { cache_write: price.cacheWrite }),
  }
}

/** A model of the operator's own server. */
function ownEntry({ model, deployment }: Target, { prices }: Settings): Fields {
  const { provider } = deployment
  return { ...unlistedEntry(model, provider, [provider]), pricing: priceEntry(priceOf(deployment, prices)) }
}

/** A model that the catalogue does not know. What is not known is null. */
function unlistedEntry(id: string, owner: string, providers: readonly string[]): Fields {
  return {
    id,
    object: 'model',
    created: DEFAULT_CREATED,
    owned_by: owner,
    context_length: null,
    max_output_tokens: null,
    modalities: { input: [...unlistedModelTraits.input], output: [...unlistedModelTraits.output] },
    capabilities: null,
    pricing: null,
    providers,
  }
}

/** Undefined if no model can answer for `auto`. */
function autoEntry(settings: Settings, allowed: AllowList): Fields | undefined {
  const targets = autoTargetsOf(settings, allowed)
  if (targets.length === 0) return undefined
  const answering = new Set(targets.map(({ deployment }) => deployment.provider))
  return unlistedEntry(
    AUTO,
    'router9',
    [...settings.providers.keys()].filter((id) => answering.has(id)),
  )
}

function autoTargetsOf(settings: Settings, allowed: AllowList): readonly Target[] {
  const { providers: configured, autoModels, autoChosen, ownModels } = settings
  const input = { configured, autoModels, autoChosen, ownModels }
  return autoCandidates(allowed === undefined ? input : { ...input, allowed })
}

function targetEntry(target: Target, settings: Settings, allowed: AllowList) {
  const known = findModel(target.model)
  if (known !== undefined) return modelEntry(known, settings, allowed)
  return settings.providers.has(target.deployment.provider) ? ownEntry(target, settings) : undefined
}
