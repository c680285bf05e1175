import type { Failure } from '../../chat/failure.ts'
import { malformedAnswer } from './answer-bounds.ts'

/** A tool call's arguments as text, as OpenAI's format has them; some providers send the object itself. */
export function toArgumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/** Whether the text of a call's arguments holds any. */
export function hasArguments(text: string): boolean {
  const trimmed = text.trim()
  return trimmed !== '' && trimmed !== 'null' && !/^\{\s*\}$/.test(trimmed)
}

/** For arguments that belong to no call: nobody can know which tool they are for. */
export function argumentsWithoutCall(): Failure {
  return malformedAnswer('it has arguments of no call')
}
