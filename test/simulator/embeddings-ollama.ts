import type { ErrorReply, Incoming, Rendering, Trouble } from './dialect.ts'
import { type EmbeddingInput, embeddingDialect, textInput, tokensOf } from './embeddings.ts'
import { embeddingModel } from './embeddings-models.ts'
import { numbersOf, spoiled, vectorOf } from './embeddings-vectors.ts'
import { type Fields, listOf, numberOf, textOf } from './json.ts'

/** Ollama's own embeddings. */
export const ollamaEmbeddings = embeddingDialect({
  name: 'ollama-embeddings',
  check,
  inputs: ({ body }) => inputsOf(body),
  body: answer,
  failure,
})

function inputsOf({ input }: Fields): EmbeddingInput[] {
  return (typeof input === 'string' ? [input] : listOf(input)).map((text) => textInput(textOf(text)))
}

function check({ body }: Incoming): Trouble | undefined {
  const { model, input, truncate } = body
  if (textOf(model) === '') return { status: 400, message: 'model is required' }
  if (model === 'missing-model') return { status: 404 }
  if (typeof input !== 'string' && listOf(input).some((text) => typeof text !== 'string')) {
    return { status: 400, message: 'invalid input type' }
  }
  const { contextTokens } = embeddingModel(textOf(model))
  if (truncate === false && inputsOf(body).some(({ tokens }) => tokens > contextTokens)) {
    return { status: 400, message: 'the input length exceeds the context length' }
  }
  return undefined
}

// A text beyond the window is cut, unless the request forbids it.
function answer({ body }: Incoming, { vectors, withUsage }: Rendering): Fields {
  const model = textOf(body.model)
  const { contextTokens, dimensions } = embeddingModel(model)
  const inputs = inputsOf(body)
  const wanted = numberOf(body.dimensions) ?? 0
  const size = wanted >= 1 && wanted < dimensions ? Math.floor(wanted) : dimensions
  const rows = spoiled(
    inputs.map(({ text }) => vectorOf(model, text, size)),
    vectors,
  )
  const counted = inputs.map((input) => ({ ...input, tokens: Math.min(input.tokens, contextTokens) }))
  return {
    model,
    embeddings: rows.map(numbersOf),
    total_duration: 25_770_000,
    load_duration: 8_437_500,
    ...(withUsage ? { prompt_eval_count: tokensOf(counted) } : {}),
  }
}

const MESSAGES: Record<number, string> = {
  401: 'unauthorized',
  404: 'model "missing-model" not found, try pulling it first',
  429: 'too many concurrent requests',
  503: 'server busy, please try again.  maximum pending requests exceeded',
}

function failure(_incoming: Incoming, { status, message, reason }: Trouble): ErrorReply {
  const context = reason === 'context' ? 'the input length exceeds the context length' : undefined
  const words = message ?? context ?? MESSAGES[status] ?? (status < 500 ? 'invalid request' : 'internal server error')
  return { status, headers: {}, body: { error: words } }
}
