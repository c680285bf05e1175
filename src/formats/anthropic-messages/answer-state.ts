import { createBoundedCounter, createKeptBound, MAX_ANNOTATIONS, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'

/** Anthropic gives one answer to a request. */
export const CHOICE = 0

/** What the reader knows about one answer while it reads it. */
export interface AnswerState {
  /** The name of the tool that stands in for structured output, where one does. */
  readonly jsonTool: string | undefined
  /** The blocks that have started and not stopped, by index. */
  readonly openBlocks: Map<number, Block>
  readonly countToolCall: () => number
  readonly countCitation: () => number
  /** Adds to the characters that all open blocks keep, or takes away. */
  readonly keep: (characters: number) => void
  hasStarted: boolean
  /** Something stood where content should stand, and could not be read. */
  hasUnreadable: boolean
  hasReasoning: boolean
  textLength: number
  toolCalls: number
  usage: UsageCounts | undefined
}

/** Token counts as reported so far. */
export interface UsageCounts {
  readonly input: number
  readonly cacheRead: number
  readonly cacheWrite: number
  /** Those of `cacheWrite` that stay for an hour. */
  readonly hourWrite: number
  readonly output: number
  readonly thinking: number
}

/** A content block that has started and not stopped. */
export interface Block {
  readonly type: string
  /** Its number among the client's tool calls; undefined for a block that is none of them. */
  readonly toolIndex: number | undefined
  /** It calls the tool that stands in for structured output: its input is the answer's text. */
  readonly isJsonAnswer: boolean
  /** The input that came with the block's start, from servers that send no deltas; '' where it is empty. */
  readonly input: string
  hasInputDeltas: boolean
  thinking: string
  signature: string
  /** Where the block's text begins in the text of the whole answer. */
  readonly textStart: number
  /** The number of characters that the reader keeps until the block stops. */
  keptCharacters: number
  /** The web pages that its text cites. */
  readonly citedPages: CitedPage[]
}

export interface CitedPage {
  readonly url: string
  readonly title: string
}

export function createAnswerState(jsonTool: string | undefined): AnswerState {
  return {
    jsonTool,
    openBlocks: new Map(),
    countToolCall: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls'),
    countCitation: createBoundedCounter(MAX_ANNOTATIONS, 'citations'),
    keep: createKeptBound(),
    hasStarted: false,
    hasUnreadable: false,
    hasReasoning: false,
    textLength: 0,
    toolCalls: 0,
    usage: undefined,
  }
}
