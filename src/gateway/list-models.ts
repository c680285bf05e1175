import { allModels, findModel, type Model } from '../catalog/models.ts'
import { Failure, repeated } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { type AllowList, allows } from '../routing/allow.ts'
import { openTraits } from '../routing/open-traits.ts'
import { AUTO, resolve, type Target } from '../routing/plan.ts'

type Fields = Readonly<Record<string, unknown>>

/** When Router9 began, for models that have no release of their own. */
const FOUNDED = 1_767_225_600

/** The models that can answer now, `auto` first, in OpenAI's list form and beyond (contract 1). */
export function listModels(settings: Settings, allowed: AllowList): Fields {
  const own = [...settings.ownModels].flatMap(([provider, models]) =>
    settings.providers.has(provider) ? models.map((id) => openEntry(id, provider, [provider])) : [],
  )
  const models = allModels().flatMap((model) => {
    const entry = modelEntry(model, settings)
    return entry === undefined ? [] : [entry]
  })
  const entries: readonly Fields[] = [autoEntry(settings), ...own, ...models]
  const data = entries.filter(({ id }) => allows(allowed, String(id)))
  return { object: 'list', data }
}

/**
 * One model, by its id or any of its names.
 * @throws Failure 404 where no configured provider has it, 403 where the key may not use it.
 */
export function describeModel(name: string, settings: Settings, allowed: AllowList): Fields {
  const [target] = resolve(settings, name) ?? []
  const entry = name === AUTO ? autoEntry(settings) : target && targetEntry(target, settings)
  if (entry === undefined) {
    const text = `The model '${repeated(name)}' does not exist, or no provider is configured for it.`
    throw new Failure('unknown-model', text, { param: 'model' })
  }
  if (!allows(allowed, name) && !allows(allowed, String(entry.id))) {
    throw new Failure('model-not-allowed', `This key may not use the model '${repeated(name)}'.`, {
      param: 'model',
    })
  }
  return entry
}

function modelEntry({ id, owner, created, deployments }: Model, { providers }: Settings): Fields | undefined {
  const here = deployments.filter(({ provider }) => providers.has(provider))
  const [first] = here
  if (first === undefined) return undefined
  const { traits, price } = first
  return {
    id,
    object: 'model',
    created,
    owned_by: owner,
    context_length: traits.contextTokens,
    max_output_tokens: traits.outputTokens,
    modalities: { input: [...traits.input], output: [...traits.output] },
    capabilities: {
      tools: traits.tools,
      structured_output: traits.jsonSchema,
      reasoning: traits.reasoning,
      temperature: traits.temperature,
      ...(traits.efforts === undefined ? {} : { reasoning_effort: traits.efforts }),
    },
    pricing: price === undefined ? null : priceEntry(price),
    providers: here.map(({ provider }) => provider),
  }
}

function priceEntry(price: NonNullable<Model['deployments'][number]['price']>): Fields {
  return {
    input: price.input,
    output: price.output,
    ...(price.cacheRead === undefined ? {} : { cache_read: price.cacheRead }),
    ...(price.cacheWrite === undefined ? {} : { cache_write: price.cacheWrite }),
  }
}

/** What nobody has told us of a model is null. */
function openEntry(id: string, owner: string, providers: readonly string[]): Fields {
  return {
    id,
    object: 'model',
    created: FOUNDED,
    owned_by: owner,
    context_length: null,
    max_output_tokens: null,
    modalities: { input: [...openTraits.input], output: [...openTraits.output] },
    capabilities: null,
    pricing: null,
    providers,
  }
}

function autoEntry({ providers }: Settings): Fields {
  return openEntry(AUTO, 'router9', [...providers.keys()])
}

function targetEntry({ model, deployment: { provider } }: Target, settings: Settings): Fields | undefined {
  const known = findModel(model)
  if (known !== undefined) return modelEntry(known, settings)
  return settings.providers.has(provider) ? openEntry(model, provider, [provider]) : undefined
}
