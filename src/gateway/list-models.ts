import { allModels, findModel, type Model } from '../catalog/models.ts'
import { Failure, repeated } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { openTraits } from '../routing/open-traits.ts'
import { AUTO } from '../routing/plan.ts'

type Fields = Readonly<Record<string, unknown>>

/** When Router9 began, for models that have no release of their own. */
const FOUNDED = 1_767_225_600

/** The models that can answer now, `auto` first, in OpenAI's list form and beyond (contract 1). */
export function listModels(settings: Settings, allowed: readonly string[] | undefined): Fields {
  const own = [...settings.ownModels].flatMap(([provider, models]) =>
    settings.providers.has(provider) ? models.map((id) => openEntry(id, provider, [provider])) : [],
  )
  const models = allModels().flatMap((model) => {
    const entry = modelEntry(model, settings)
    return entry === undefined ? [] : [entry]
  })
  const entries: readonly Fields[] = [autoEntry(settings), ...own, ...models]
  const data = entries.filter(({ id }) => allowed?.includes(String(id)) ?? true)
  return { object: 'list', data }
}

/**
 * One model, by its id or any of its names.
 * @throws Failure 404 where no configured provider has it, 403 where the key may not use it.
 */
export function describeModel(name: string, settings: Settings, allowed: readonly string[] | undefined): Fields {
  const entry = name === AUTO ? autoEntry(settings) : (catalogEntry(name, settings) ?? ownEntry(name, settings))
  if (entry === undefined) {
    const text = `The model '${repeated(name)}' does not exist, or no provider is configured for it.`
    throw new Failure('unknown-model', text, { param: 'model' })
  }
  if (allowed !== undefined && !allowed.includes(name) && !allowed.includes(String(entry.id))) {
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

function ownEntry(name: string, { providers, ownModels }: Settings): Fields | undefined {
  const owner = [...ownModels].find(([id, models]) => providers.has(id) && models.includes(name))?.[0]
  return owner === undefined ? undefined : openEntry(name, owner, [owner])
}

function catalogEntry(name: string, settings: Settings): Fields | undefined {
  const model = findModel(name)
  return model && modelEntry(model, settings)
}
