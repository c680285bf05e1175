/** What a model makes of a text. */
export interface EmbeddingModel {
  /** How long its vectors are when nothing is said. */
  dimensions: number
  /** The lengths that may be asked for: a list, or from the first to the second; none where it has one only. */
  sizes?: readonly number[] | { from: number; to: number }
  contextTokens: number
}

// By the name that all providers of a model share.
const MODELS: Record<string, EmbeddingModel> = {
  'text-embedding-3-small': { dimensions: 1536, sizes: { from: 1, to: 1536 }, contextTokens: 8192 },
  'text-embedding-3-large': { dimensions: 3072, sizes: { from: 1, to: 3072 }, contextTokens: 8192 },
  'text-embedding-ada-002': { dimensions: 1536, contextTokens: 8192 },
  'embed-v4': { dimensions: 1536, sizes: [256, 512, 1024, 1536], contextTokens: 128_000 },
  'embed-english-v3': { dimensions: 1024, contextTokens: 512 },
  'embed-multilingual-v3': { dimensions: 1024, contextTokens: 512 },
  'embed-english-light-v3': { dimensions: 384, contextTokens: 512 },
  'embed-multilingual-light-v3': { dimensions: 384, contextTokens: 512 },
  'gemini-embedding-001': { dimensions: 3072, sizes: { from: 1, to: 3072 }, contextTokens: 2048 },
  'gemini-embedding-2': { dimensions: 3072, sizes: { from: 1, to: 3072 }, contextTokens: 8192 },
  'text-embedding-004': { dimensions: 768, sizes: { from: 1, to: 768 }, contextTokens: 2048 },
  'mistral-embed': { dimensions: 1024, contextTokens: 8192 },
  'codestral-embed': { dimensions: 1536, sizes: { from: 1, to: 3072 }, contextTokens: 8192 },
  'pplx-embed-v1-0.6b': { dimensions: 1024, sizes: { from: 128, to: 1024 }, contextTokens: 32_768 },
  'pplx-embed-v1-4b': { dimensions: 2560, sizes: { from: 128, to: 2560 }, contextTokens: 32_768 },
  'titan-embed-text-v2': { dimensions: 1024, sizes: [256, 512, 1024], contextTokens: 8192 },
  'titan-embed-text-v1': { dimensions: 1536, contextTokens: 8192 },
  'bge-m3': { dimensions: 1024, contextTokens: 8192 },
  'bge-large-en-v1.5': { dimensions: 1024, contextTokens: 512 },
  'bge-base-en-v1.5': { dimensions: 768, contextTokens: 512 },
  'bge-small-en-v1.5': { dimensions: 384, contextTokens: 512 },
  'multilingual-e5-large-instruct': { dimensions: 1024, contextTokens: 514 },
  'nomic-embed-text': { dimensions: 768, sizes: { from: 1, to: 768 }, contextTokens: 2048 },
  'nomic-embed-text-v1.5': { dimensions: 768, sizes: { from: 64, to: 768 }, contextTokens: 8192 },
  'qwen3-embedding-8b': { dimensions: 4096, sizes: { from: 32, to: 4096 }, contextTokens: 32_768 },
  'qwen3-embedding-4b': { dimensions: 2560, sizes: { from: 32, to: 2560 }, contextTokens: 32_768 },
  'qwen3-embedding-0.6b': { dimensions: 1024, sizes: { from: 32, to: 1024 }, contextTokens: 32_768 },
  'embeddinggemma-300m': { dimensions: 768, sizes: { from: 128, to: 768 }, contextTokens: 2048 },
  'mxbai-embed-large': { dimensions: 1024, contextTokens: 512 },
  'all-minilm': { dimensions: 384, contextTokens: 256 },
}

const UNKNOWN: EmbeddingModel = { dimensions: 1024, sizes: { from: 1, to: 4096 }, contextTokens: 8192 }

const SAME: Record<string, string> = {
  embeddinggemma: 'embeddinggemma-300m',
  'gemini-embedding-2-preview': 'gemini-embedding-2',
  'titan-embed-g1-text-02': 'titan-embed-text-v1',
}

/** The name that a model has at every provider: without publishers, regions, tags and the zeros of versions. */
export function sharedName(model: string): string {
  const last = model.toLowerCase().split('/').at(-1) ?? ''
  const bare = last.replace(/^(?:(?:us|eu|apac|global)\.)?(?:cohere|amazon)\./, '').replace(/(?::latest|[.:]0)$/, '')
  return SAME[bare] ?? bare
}

/** What is known of a model, whatever its provider calls it. */
export function embeddingModel(model: string): EmbeddingModel {
  return MODELS[sharedName(model)] ?? UNKNOWN
}

/** Whether vectors of this length may be asked of the model. */
export function allowsSize({ sizes }: EmbeddingModel, wanted: number): boolean {
  if (sizes === undefined) return false
  return 'from' in sizes
    ? Number.isInteger(wanted) && wanted >= sizes.from && wanted <= sizes.to
    : sizes.includes(wanted)
}
