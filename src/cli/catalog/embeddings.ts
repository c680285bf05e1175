import { parseRow, type Row } from '../../catalog/row.ts'
import type { Draft } from './aliases.ts'

/**
 * The models that make vectors, as rows of models.json. They are kept by hand, because models.dev has few of them and does not
 * tell how long their vectors are. The sources are the makers' and the providers' own pages, named above each group.
 *
 * Deployments of one row give the same vectors. So a model is in a row of its own where weights, pooling or a hidden
 * instruction may differ: Workers AI pools the models of BAAI by the mean, unlike their maker.
 */
export const EMBEDDING_ROWS: readonly Row[] = [
  // platform.openai.com, "Embeddings", "Pricing"; learn.microsoft.com, "Azure OpenAI models"; openrouter.ai, "Models".
  'text-embedding-3-small|openai|2024-01-25||openai = 8192 1536 t>e d - 0.02,0|azure = 8192 1536 t>e d - 0.02,0|openrouter openai/= 8192 1536 t>e d - 0.02,0',
  'text-embedding-3-large|openai|2024-01-25||openai = 8192 3072 t>e d - 0.13,0|azure = 8192 3072 t>e d - 0.13,0|openrouter openai/= 8192 3072 t>e d - 0.13,0',
  'text-embedding-ada-002|openai|2022-12-15||openai = 8192 1536 t>e - - 0.1,0|azure = 8192 1536 t>e - - 0.1,0|openrouter openai/= 8192 1536 t>e - - 0.1,0',
  // ai.google.dev, "Embeddings", "Pricing", "Gemini deprecations": the first of them may be shut down at any time since
  // 14 July 2026. Vectors of the second do not mix with its vectors. openrouter.ai, "Models".
  'gemini-embedding-001|google|2025-07-14||google = 2048 3072 t>e d - 0.15,0|openrouter google/= 2048 3072 t>e d - 0.15,0',
  'gemini-embedding-2|google|2026-04-22||google = 8192 3072 t>e d - 0.2,0|openrouter google/= 8192 3072 t>e d - 0.2,0',
  // docs.mistral.ai, "Embeddings", "Models"; mistral.ai, "Pricing". Codestral's vectors may be longer, too.
  'mistral-embed|mistral|2023-12-11||mistral = 8000 1024 t>e - - 0.1,0|openrouter mistralai/mistral-embed-2312 8000 1024 t>e - - 0.1,0',
  'codestral-embed|mistral|2025-05-28||mistral = 8000 1536 t>e d - 0.15,0|openrouter mistralai/codestral-embed-2505 8000 1536 t>e d - 0.15,0',
  // docs.cohere.com, "Embed" (with the names at Bedrock); cohere.com, "Pricing"; aws.amazon.com, "Bedrock pricing".
  'embed-v4.0|cohere|2025-04-15||cohere = 128000 1536 t>e d - 0.12,0|bedrock cohere.embed-v4:0 128000 1536 t>e d - 0.12,0',
  'embed-english-v3.0|cohere|2023-11-02||cohere = 512 1024 t>e - - 0.1,0|bedrock cohere.embed-english-v3 512 1024 t>e - - 0.1,0',
  'embed-multilingual-v3.0|cohere|2023-11-02||cohere = 512 1024 t>e - - 0.1,0|bedrock cohere.embed-multilingual-v3 512 1024 t>e - - 0.1,0',
  'embed-english-light-v3.0|cohere|2023-11-02||cohere = 512 384 t>e - - 0.1,0',
  'embed-multilingual-light-v3.0|cohere|2023-11-02||cohere = 512 384 t>e - - 0.1,0',
  // docs.aws.amazon.com, "Amazon Titan Text Embeddings models"; aws.amazon.com, "Bedrock pricing".
  'titan-embed-text-v2|amazon|2024-04-30||bedrock amazon.titan-embed-text-v2:0 8192 1024 t>e d - 0.02,0',
  // docs.perplexity.ai, "Embeddings".
  'pplx-embed-v1-0.6b|perplexity|2026||perplexity = 32000 1024 t>e d - 0.004,0',
  'pplx-embed-v1-4b|perplexity|2026||perplexity = 32000 2560 t>e d - 0.03,0',
  // developers.cloudflare.com, "Workers AI models".
  '@cf/baai/bge-small-en-v1.5|baai|2023-09-25||workers-ai = 512 384 t>e - - 0.02,0',
  '@cf/baai/bge-base-en-v1.5|baai|2023-09-25||workers-ai = 512 768 t>e - - 0.067,0',
  '@cf/baai/bge-large-en-v1.5|baai|2023-11-07||workers-ai = 512 1024 t>e - - 0.204,0',
  '@cf/baai/bge-m3|baai|2024-05-22||workers-ai = 60000 1024 t>e - - 0.012,0',
  '@cf/qwen/qwen3-embedding-0.6b|qwen|2025-06-18||workers-ai = 8192 1024 t>e - - 0.012,0',
  // openrouter.ai, "Models"; qwenlm.github.io, "Qwen3 Embedding"; huggingface.co/BAAI/bge-m3.
  'qwen3-embedding-0.6b|qwen|2025-06-05||openrouter qwen/= 32768 1024 t>e d - 0.01,0',
  'qwen3-embedding-4b|qwen|2025-06-05||openrouter qwen/= 32768 2560 t>e d - 0.02,0',
  'qwen3-embedding-8b|qwen|2025-06-05||openrouter qwen/= 32768 4096 t>e d - 0.01,0',
  'bge-m3|baai|2024-01-30||openrouter baai/= 8192 1024 t>e - - 0.01,0',
  'multilingual-e5-large|intfloat|2023-06-30||openrouter intfloat/= 512 1024 t>e - - 0.01,0',
  // docs.fireworks.ai, "Querying embeddings models"; fireworks.ai, "Pricing" (by size); the models' cards at huggingface.co.
  'nomic-embed-text-v1.5|nomic-ai|2024-02-10||fireworks nomic-ai/= 8192 768 t>e d - 0.008,0',
  'gte-base|thenlper|2023-07-27||fireworks thenlper/= 512 768 t>e - - 0.008,0',
  'gte-large|thenlper|2023-07-27||fireworks thenlper/= 512 1024 t>e - - 0.016,0',
  'uae-large-v1|whereisai|2023-12-04||fireworks WhereIsAI/UAE-Large-V1 512 1024 t>e - - 0.016,0',
]

/** The same as drafts. */
export function embeddingDrafts(rows: readonly Row[]): Draft[] {
  return rows.map((row) => {
    const [, , released = '', aliases = ''] = row.split('|')
    return { model: parseRow(row), released, aliases: aliases === '' ? [] : aliases.split(',') }
  })
}
