import type { Fields } from './json.ts'
import type { Script } from './orders.ts'

/** Something in the conversation that is not text. */
export interface Attachment {
  kind: 'image' | 'document' | 'audio' | 'video'
  mediaType?: string
  bytes?: number
  url?: string
  name?: string
}

/** A function the model may call, with its plain or OpenAPI-style schema. */
export interface Tool {
  name: string
  description: string
  parameters: Fields
  /** Whether it takes bare text instead of arguments. */
  custom?: boolean
  /** The group of tools that it belongs to. */
  namespace?: string
}

/** What a called function answered. */
export interface ToolResult {
  name: string
  text: string
  isError: boolean
}

/** What a request asks, freed of its wire format. */
export interface Prompt {
  model: string
  system: string
  /** Texts of the user's turns, in order. */
  userTexts: string[]
  /** The text of the last turn, empty when the last turn only brings tool results. */
  lastText: string
  /** The last words of the user that an agent did not put in by itself. */
  requestText: string
  /** How many results of calls have come after them. */
  resultsSinceRequest: number
  /** What an instruction in these words wants done. */
  script?: Script
  /** Every text of the conversation, for counting. */
  allText: string
  attachments: Attachment[]
  toolResults: ToolResult[]
  tools: Tool[]
  /** How many tools there are with those that the provider runs itself; without it, as many as `tools`. */
  offeredTools?: number
  toolChoice: 'auto' | 'none' | 'required' | { names: string[] }
  parallelCalls: boolean
  /** What the provider's own search looks for before it answers. */
  searchQuery?: string
  /** A schema for the answer, `true` when any JSON object will do. */
  answerSchema: Fields | true | undefined
  reasoning: 'off' | 'low' | 'medium' | 'high'
  /** Whether this provider's models say what they will do before they call a function. */
  announcesCalls: boolean
  maxTokens: number | undefined
  stop: string[]
  choices: number
}

/** One call of a function. */
export interface Call {
  name: string
  /** The arguments as JSON in pieces; a length limit may have cut them. */
  fragments: string[]
  complete: boolean
  /** The fragments are bare text for a custom tool. */
  custom?: boolean
  namespace?: string
}

export type Ending = 'stop' | 'stop-sequence' | 'length' | 'tool-calls' | 'refusal' | 'content-filter'

/** One answer. */
export interface Choice {
  reasoning: string[]
  /** What some models say before they call. */
  plan: string[]
  text: string[]
  refusal: string[]
  calls: Call[]
  /** What the provider's own search has looked for. */
  search?: string
  ending: Ending
  stopSequence: string | undefined
  completionTokens: number
}

/** All answers to a prompt with their cost. */
export interface Thought {
  choices: Choice[]
  promptTokens: number
  cachedTokens: number
  /** Those that went into the cache, of the rest. */
  cacheWriteTokens: number
}
