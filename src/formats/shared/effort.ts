import type { Chat } from '../../chat/request.ts'
import type { Traits } from '../format.ts'
import { isJsonObject } from './fields.ts'

/** OpenAI's levels, weakest first. */
const LEVELS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof LEVELS)[number]

/** How much reasoning the caller asks for, and in which words. */
export interface Reasoning {
  readonly effort?: Effort
  /** A number of tokens, from OpenRouter's `reasoning.max_tokens`. */
  readonly tokens?: number
}

/**
 * Reads `reasoning_effort`, or OpenRouter's `reasoning: {effort, max_tokens, enabled}`. Undefined where the caller left it
 * to the model.
 */
export function readReasoning(chat: Chat): Reasoning | undefined {
  if (chat.reasoning_effort) return { effort: chat.reasoning_effort }
  const { reasoning } = chat
  if (!isJsonObject(reasoning)) return undefined
  if (typeof reasoning.max_tokens === 'number' && reasoning.max_tokens > 0) return { tokens: reasoning.max_tokens }
  const effort = LEVELS.find((level) => level === reasoning.effort)
  if (effort !== undefined) return { effort }
  if (reasoning.enabled === true) return { effort: 'medium' }
  return reasoning.enabled === false ? { effort: 'none' } : undefined
}

/**
 * The level nearest to the one asked for among those that a model takes. Of two equally near the weaker, as it costs less,
 * but the stronger for who asked for more than `high` (translation 1.2). Thinking is never switched off for who asked for
 * some, nor left on for who asked for none: undefined there, and where the model takes no levels that we know.
 */
export function nearestEffort(asked: Effort, { efforts }: Pick<Traits, 'efforts'>): Effort | undefined {
  const wanted = LEVELS.indexOf(asked)
  return LEVELS.filter((level) => efforts?.includes(level) && (level === 'none') === (asked === 'none'))
    .map((level) => ({ level, distance: Math.abs(LEVELS.indexOf(level) - wanted) }))
    .reduce<{ level: Effort; distance: number } | undefined>((best, next) => {
      const nearer = best === undefined || next.distance < best.distance
      return nearer || (next.distance === best.distance && wanted > LEVELS.indexOf('high')) ? next : best
    }, undefined)?.level
}

/** The least that a model can be asked to think. */
export function weakestEffort({ efforts }: Pick<Traits, 'efforts'>): Effort | undefined {
  return LEVELS.find((level) => efforts?.includes(level))
}

/** Every level, for models of which nothing is known. */
export const ALL_EFFORTS: readonly string[] = LEVELS

/** Effort as a number of reasoning tokens, for models that are asked that way (translation 1.2, 2.2). */
export const BUDGET_TOKENS: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
}
