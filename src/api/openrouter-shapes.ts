import { priceOf } from '../access/budget.ts'
import type { Deployment, Price } from '../catalog/deployment.ts'
import { findModel } from '../catalog/models.ts'
import { Failure } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { AUTO } from '../routing/auto.ts'
import { supportedParameters } from './supported-parameters.ts'

/** What Router9 lists, in OpenRouter's shapes (openrouter.ai, "Models"), made from the rows of the list of models. */

type Fields = Readonly<Record<string, unknown>>
type Query = (name: string) => string | undefined
/** The deployments that stand behind a row. */
type DeploymentsOf = (id: string) => readonly Deployment[]

/** A model as OpenRouter describes it. What a schema there insists on and nobody knows is empty. */
function toOpenRouterModel(row: Fields, deploymentsOf: DeploymentsOf): Fields {
  const { id, created, owned_by, context_length, max_output_tokens, pricing } = row
  const slug = `${owned_by}/${id}`
  return {
    id,
    canonical_slug: slug,
    name: id,
    created,
    description: descriptionOf(row),
    context_length: context_length || null,
    architecture: architectureOf(row),
    pricing: pricingOf(priceFrom(pricing)),
    top_provider: {
      context_length: context_length || null,
      max_completion_tokens: max_output_tokens || null,
      is_moderated: false,
    },
    per_request_limits: null,
    supported_parameters: supportedParameters(deploymentsOf(String(id))),
    default_parameters: null,
    supported_voices: null,
    links: { details: `/api/v1/models/${slug}/endpoints` },
  }
}

/** What OpenRouter's paths below `/models` are answered from. */
export interface ModelListing {
  readonly settings: Settings
  readonly list: () => Promise<Fields>
  /** @throws Failure 404, 403 */
  readonly describe: (name: string) => Fields
  readonly deploymentsOf: DeploymentsOf
  readonly query: Query
}

/**
 * Answers OpenRouter's paths of models.
 * @param path what stands behind `/models/`: nothing or `user` for the list, `embeddings`, `count`, or a model, of which
 * `…/endpoints` are the deployments.
 * @throws Failure 404 or 403 for a model, 400 for a query of no page.
 */
export async function openRouterModels(path: string, listing: ModelListing): Promise<Fields> {
  if (path === '' || path === 'user') return pageOf(await rowsOf(listing), listing.query)
  if (path === 'embeddings') return pageOf(await rowsOf(listing, ['embeddings']), listing.query)
  if (path === 'count') return { data: { count: (await rowsOf(listing)).length } }
  const isAboutEndpoints = path.endsWith(ENDPOINTS)
  const slug = isAboutEndpoints ? path.slice(0, -ENDPOINTS.length) : path
  const row = listing.describe(nameOf(slug))
  return { data: isAboutEndpoints ? toEndpoints(row, listing) : toOpenRouterModel(row, listing.deploymentsOf) }
}

const ENDPOINTS = '/endpoints'
const SLUG_OF_AUTO = 'router9/auto'

/** A slug names the maker. The same text could name a provider, and would then mean no other. */
function nameOf(slug: string): string {
  if (slug === SLUG_OF_AUTO) return AUTO
  const slash = slug.indexOf('/')
  const id = slug.slice(slash + 1)
  return findModel(id)?.owner === slug.slice(0, Math.max(slash, 0)) ? id : slug
}

const MAX_LIMIT = 1000
/** A query of more names asks for nothing that there is. */
const MAX_NAMES = 64

function pageOf(all: readonly Fields[], query: Query): Fields {
  const offset = readCount('offset', query('offset'), 0, Number.MAX_SAFE_INTEGER)
  const limit = readCount('limit', query('limit'), all.length, MAX_LIMIT)
  return { data: all.slice(offset, offset + limit), total_count: all.length, links: { next: null } }
}

/** A model with each of the deployments that can answer for it. */
function toEndpoints(row: Fields, { deploymentsOf, settings }: ModelListing): Fields {
  const { id, created } = row
  const endpoints = deploymentsOf(String(id)).map((deployment) => {
    const { provider, traits } = deployment
    const isForced = traits.tools && traits.noForcedTool !== true
    return {
      name: `${provider} | ${id}`,
      model_id: id,
      model_name: id,
      provider_name: provider,
      tag: provider,
      context_length: traits.contextTokens,
      max_completion_tokens: traits.outputTokens || null,
      max_prompt_tokens: null,
      pricing: pricingOf(priceOf(deployment, settings.prices)),
      quantization: null,
      supported_parameters: supportedParameters([deployment]),
      supports_tool_choice: { auto: traits.tools, none: traits.tools, function: isForced, required: isForced },
      supports_implicit_caching: false,
      ...{ uptime_last_5m: null, uptime_last_30m: null, uptime_last_1d: null },
      ...{ latency_last_30m: null, throughput_last_30m: null },
    }
  })
  const architecture = architectureOf(row)
  return { id, name: id, created, description: descriptionOf(row), architecture, endpoints }
}

/** The configured providers as OpenRouter lists them. */
export function toOpenRouterProviders({ providers }: Settings): Fields {
  const nothing = { privacy_policy_url: null, terms_of_service_url: null, status_page_url: null }
  return { data: [...providers.keys()].map((id) => ({ name: id, slug: id, ...nothing })) }
}

/** The rows that a query asks for, of models of texts where it names nothing else. */
async function rowsOf(
  { list, deploymentsOf, query }: ModelListing,
  made?: readonly string[],
): Promise<readonly Fields[]> {
  const wanted = (name: string) => query(name)?.split(',', MAX_NAMES)
  const output = made ?? wanted('output_modalities') ?? ['text']
  const input = wanted('input_modalities') ?? []
  const parameters = wanted('supported_parameters') ?? []
  return ((await list()).data as readonly Fields[])
    .map((row) => toOpenRouterModel(row, deploymentsOf))
    .filter(({ architecture, supported_parameters }) => {
      const { input_modalities, output_modalities } = architecture as ReturnType<typeof architectureOf>
      return (
        (output.includes('all') || output.some((one) => output_modalities.includes(one))) &&
        input.every((one) => input_modalities.includes(one)) &&
        parameters.every((one) => (supported_parameters as readonly string[]).includes(one))
      )
    })
}

function readCount(name: string, given: string | undefined, usual: number, max: number): number {
  if (given === undefined) return usual
  const count = Number(given)
  if (given !== '' && Number.isInteger(count) && count >= 0 && count <= max) return count
  throw new Failure('invalid-value', `'${name}' must be a whole number from 0 to ${max}.`, { param: name })
}

function descriptionOf({ id, owned_by, providers }: Fields): string {
  return `${id} of ${owned_by}, from ${(providers as readonly string[]).join(', ')}.`
}

function architectureOf({ modalities, dimensions }: Fields) {
  const { input, output } = modalities as { readonly input: readonly string[]; readonly output: readonly string[] }
  const names = (list: readonly string[]) => list.map((name) => (name === 'pdf' ? 'file' : name))
  const input_modalities = names(input)
  const output_modalities = dimensions === undefined ? names(output) : ['embeddings']
  const modality = `${input_modalities.join('+')}->${output_modalities.join('+')}`
  return { modality, input_modalities, output_modalities, tokenizer: 'Other', instruct_type: null }
}

function priceFrom(pricing: unknown): Price | undefined {
  if (pricing === null || pricing === undefined) return undefined
  const {
    cache_read: cacheRead,
    cache_write: cacheWrite,
    ...price
  } = pricing as Price & { readonly [name: string]: number }
  return {
    ...price,
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
  }
}

/** Dollars a token, as texts. Where a price depends on who answers, or is not known, OpenRouter has -1. */
function pricingOf(price: Price | undefined): Fields {
  const text = (dollars: number | undefined) => (dollars === undefined ? '-1' : perToken(dollars))
  return {
    prompt: text(price?.input),
    completion: text(price?.output),
    ...(price?.cacheRead === undefined ? {} : { input_cache_read: perToken(price.cacheRead) }),
    ...(price?.cacheWrite === undefined ? {} : { input_cache_write: perToken(price.cacheWrite) }),
  }
}

/** Without an exponent: not every reader of decimals knows them. @param dollars for a million tokens. */
function perToken(dollars: number): string {
  return (dollars / 1e6).toFixed(12).replace(/\.?0+$/, '')
}
