import { createHash } from 'node:crypto'
import type { Incoming } from './dialect.ts'
import { remember } from './memory.ts'
import type { Prompt } from './prompt.ts'
import { estimateTokens, TOKEN_CHARACTERS } from './tokens.ts'

// As OpenAI counts: from 1,024 tokens on, in steps of 128.
const STEP_TOKENS = 128
const LEAST_TOKENS = 1024
const STEP_CHARACTERS = STEP_TOKENS * TOKEN_CHARACTERS
const MOST_PREFIXES = 200_000

/** Which tokens of a prompt were known, and which are from now on. */
export interface CacheUse {
  readTokens: number
  writtenTokens: number
}

/**
 * Finds the longest beginning of the prompt that the same deployment has seen under the same key, and keeps all of them.
 * Other tools mean another beginning, as providers put them first.
 */
export function useCache(incoming: Incoming, prompt: Prompt): CacheUse {
  const { memory, slot, headers, body } = incoming
  const none = { readTokens: 0, writtenTokens: 0 }
  const { prefixes } = memory
  if (prefixes === undefined || estimateTokens(prompt.allText) < LEAST_TOKENS) return none
  const key = headers.authorization ?? headers['x-api-key'] ?? headers['api-key'] ?? headers['x-goog-api-key']
  const start = JSON.stringify([slot, prompt.model, key, body.prompt_cache_key, prompt.tools])
  let hash = digest(start)
  let steps = 0
  let read = 0
  const whole = Math.floor(prompt.allText.length / STEP_CHARACTERS)
  while (steps < whole) {
    hash = digest(hash + prompt.allText.slice(steps * STEP_CHARACTERS, (steps + 1) * STEP_CHARACTERS))
    steps += 1
    if (prefixes.has(hash)) read = steps
    remember(prefixes, hash, true, MOST_PREFIXES)
  }
  const readTokens = read * STEP_TOKENS < LEAST_TOKENS ? 0 : read * STEP_TOKENS
  return { readTokens, writtenTokens: steps * STEP_TOKENS - readTokens }
}

function digest(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}
