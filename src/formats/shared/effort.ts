import type { Chat } from '../../chat/request.ts'
import type { Traits } from '../format.ts'
import { isJsonObject } from './fields.ts'

/** OpenAI's levels of effort, weakest first. */
const LEVELS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof LEVELS)[number]

/** How much reasoning the caller asks for: a level, or a number of tokens. */
export interface Reasoning {
  readonly effort?: Effort
  /** A number of tokens, from OpenRouter's `reasoning.max_tokens`. */
  readonly tokens?: number
}

/**
 * Reads `reasoning_effort`, or OpenRouter's `reasoning: {effort, max_tokens, enabled}`.
 * @returns undefined where the caller leaves it to the model.
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
 * The level nearest to the one asked for, among those that a model takes. Of two equally near ones the weaker, because it
 * costs less; but the stronger where more than `high` was asked for (translation 1.2).
 * @returns undefined where the model takes no level that we know, where only `none` would be left of a request for reasoning,
 * and where the model has no `none` and none was asked for.
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

/** The weakest level that a model takes. */
export function weakestEffort({ efforts }: Pick<Traits, 'efforts'>): Effort | undefined {
  return LEVELS.find((level) => efforts?.includes(level))
}

/** Every level, for models about which nothing is known. */
export const ALL_EFFORTS: readonly string[] = LEVELS

/** A level as a number of reasoning tokens, for models that take a number (translation 1.2, 2.2). */
export const BUDGET_TOKENS: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
}
