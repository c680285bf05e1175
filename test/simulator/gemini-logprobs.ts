import type { Incoming } from './dialect.ts'
import { type Fields, fieldsOf, numberOf } from './json.ts'

const MOST = 20

/** What Gemini would refuse about log probabilities; `lacking` is the model, where it gives none. */
export function checkLogprobs(generation: Fields, lacking: string | undefined): string | undefined {
  const { responseLogprobs, logprobs } = generation
  const asked = responseLogprobs === true
  if (asked && lacking !== undefined) return `Logprobs is not enabled for models/${lacking}`
  if (logprobs === undefined) return undefined
  if (!asked) return 'Logprobs can only be set when response_logprobs is true.'
  const count = numberOf(logprobs) ?? 0
  return count >= 1 && count <= MOST ? undefined : `Logprobs must be in the range [1, ${MOST}].`
}

/** How likely each token was, made up but steady; without a probability where it is 0, as Google leaves that out. */
export function likelihoods(tokens: readonly string[], { body }: Incoming): Fields {
  const generation = fieldsOf(body.generationConfig) ?? {}
  if (generation.responseLogprobs !== true || tokens.length === 0) return {}
  const chosenCandidates = tokens.map(candidate)
  const count = numberOf(generation.logprobs) ?? 0
  const topCandidates = chosenCandidates.map((chosen) => ({ candidates: Array.from({ length: count }, () => chosen) }))
  return { logprobsResult: { chosenCandidates, ...(count > 0 ? { topCandidates } : {}) } }
}

function candidate(token: string): Fields {
  const step = (token.codePointAt(0) ?? 0) % 7
  return { token, tokenId: token.codePointAt(0) ?? 0, ...(step === 0 ? {} : { logProbability: -0.0025 * step }) }
}
