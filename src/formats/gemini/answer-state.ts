import { createBoundedCounter, MAX_KEPT_CHARACTERS, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { type ChoiceNumbers, createChoiceNumbers } from '../shared/choice-numbers.ts'
import { type ByteOffsets, createByteOffsets } from './byte-offsets.ts'
import { createGroundingReader, type GroundingReader } from './grounding.ts'
import type { PartialCall } from './partial-call.ts'

/** What the reader knows about one response while it reads it. */
export interface AnswerState {
  readonly candidates: Map<number, Candidate>
  readonly choiceNumbers: ChoiceNumbers
  readonly countCall: () => number
  readonly countResult: () => number
  readonly newId: () => string
}

/** One of the answers of a response. */
export interface Candidate {
  readonly choice: number
  /** Its text so far, because grounding counts in bytes of it. */
  readonly text: ByteOffsets
  readonly readGrounding: GroundingReader
  /** It has given something that is no call. */
  hasContent: boolean
  /** Something stood where content should stand, and could not be read. */
  hasUnreadable: boolean
  /** How many calls have been given out as events. */
  callsGiven: number
  /** The call whose arguments still arrive value by value. */
  partialCall: PartialCall | undefined
  /** The calls of the present event, until all of the event is read. */
  heldCalls: HeldCall[]
}

export interface HeldCall {
  readonly name: string
  readonly args: unknown
  readonly id: string | undefined
  readonly signature: string | undefined
}

export function createAnswerState(newId: () => string): AnswerState {
  return {
    candidates: new Map(),
    choiceNumbers: createChoiceNumbers(),
    countCall: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls'),
    countResult: createBoundedCounter(MAX_TOOL_CALLS, 'results'),
    newId,
  }
}

export function candidateOf({ candidates }: AnswerState, choice: number): Candidate {
  const known = candidates.get(choice)
  if (known !== undefined) return known
  const candidate: Candidate = {
    choice,
    text: createByteOffsets(MAX_KEPT_CHARACTERS),
    readGrounding: createGroundingReader(),
    hasContent: false,
    hasUnreadable: false,
    callsGiven: 0,
    partialCall: undefined,
    heldCalls: [],
  }
  candidates.set(choice, candidate)
  return candidate
}
