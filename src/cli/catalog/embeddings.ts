import type { Model, Price } from '../../catalog/deployment.ts'
import type { Traits } from '../../formats/format.ts'
import type { Draft } from './aliases.ts'

/** A model that makes vectors, as its makers' and providers' own pages describe it. */
export interface EmbeddingFacts {
  readonly id: string
  readonly owner: string
  readonly released: string
  readonly contextTokens: number
  readonly dimensions: number
  readonly shortens?: true
  /** The page that the facts are from. */
  readonly source: string
  /** From a provider to its name for the model, and dollars per million tokens. The maker's own API comes first. */
  readonly at: Readonly<Record<string, readonly [upstreamModel: string, dollars?: number]>>
  readonly aliases?: readonly string[]
}

/** The models as drafts of rows. */
export function embeddingDrafts(facts: readonly EmbeddingFacts[]): Draft[] {
  return facts.map(({ id, owner, released, aliases = [], at, ...model }) => ({
    model: { id, owner, created: Date.parse(released) / 1000, deployments: deploymentsOf(at, traitsOf(model)) },
    released,
    aliases: [...aliases],
  }))
}

function deploymentsOf(at: EmbeddingFacts['at'], traits: Traits): Model['deployments'] {
  return Object.entries(at).map(([provider, [upstreamModel, dollars]]) => {
    const price: Price | undefined = dollars === undefined ? undefined : { input: dollars, output: 0 }
    return { provider, upstreamModel, traits, ...(price && { price }) }
  })
}

function traitsOf({
  contextTokens,
  dimensions,
  shortens,
}: Pick<EmbeddingFacts, 'contextTokens' | 'dimensions' | 'shortens'>): Traits {
  return {
    contextTokens,
    outputTokens: 0,
    input: new Set(['text']),
    output: new Set(['embedding']),
    tools: false,
    jsonSchema: false,
    temperature: false,
    reasoning: false,
    toggle: false,
    embedding: shortens ? { dimensions, shortens } : { dimensions },
  }
}

const OPENAI = 'platform.openai.com/docs/guides/embeddings, platform.openai.com/docs/pricing'

/**
 * The models that make vectors. They are kept by hand, because models.dev has few of them and does not say how long their vectors
 * are. Deployments of one model give the same vectors: the same weights, and pooled in the same way.
 */
export const EMBEDDING_MODELS: readonly EmbeddingFacts[] = [
  {
    id: 'text-embedding-3-small',
    owner: 'openai',
    released: '2024-01-25',
    contextTokens: 8192,
    dimensions: 1536,
    shortens: true,
    source: OPENAI,
    at: {
      openai: ['text-embedding-3-small', 0.02],
      azure: ['text-embedding-3-small', 0.02],
      openrouter: ['openai/text-embedding-3-small', 0.02],
    },
  },
  {
    id: 'text-embedding-3-large',
    owner: 'openai',
    released: '2024-01-25',
    contextTokens: 8192,
    dimensions: 3072,
    shortens: true,
    source: OPENAI,
    at: {
      openai: ['text-embedding-3-large', 0.13],
      azure: ['text-embedding-3-large', 0.13],
      openrouter: ['openai/text-embedding-3-large', 0.13],
    },
  },
  {
    id: 'text-embedding-ada-002',
    owner: 'openai',
    released: '2022-12-15',
    contextTokens: 8192,
    dimensions: 1536,
    source: OPENAI,
    at: {
      openai: ['text-embedding-ada-002', 0.1],
      azure: ['text-embedding-ada-002', 0.1],
      openrouter: ['openai/text-embedding-ada-002', 0.1],
    },
  },
]
