/** The APIs that a client can ask in. */
export type Api = 'chat' | 'responses' | 'messages' | 'gemini'

/** The only words a client may meet as finish_reason. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call'

/** A tool call the client must get. `id: null` is any non-empty, unique id; `arguments: null` is left open. */
export type ExpectedToolCall = {
  index: number
  id: string | null
  name: string
  arguments: string | null
  /** The provider sent an object, so only the value of the arguments counts, not their spelling. */
  byValue?: true
}

/** One choice the client must get. null means that the rules leave it open. */
export type ExpectedChoice = {
  index: number
  text: string
  /** Something the rules let a gateway show or drop stood between these: then they must come in this order. */
  pieces?: string[]
  reasoning: string
  refusal: string | null
  functionCall?: { name: string; arguments: string }
  toolCalls: ExpectedToolCall[]
  finishReason: FinishReason | null
}

/** Token counts; null is open, an absent detail is not compared. */
export type ExpectedUsage = {
  prompt: number | null
  completion: number | null
  total: number | null
  cached?: number
  reasoning?: number
}

/** An error the client must get; absent members are open. */
export type ExpectedError = {
  status?: number
  type?: string
  param?: string | null
  code?: string | null
  messageIncludes?: string
}

/** What Router9 must answer for a recording. */
export type Expected = {
  outcome: 'answer' | 'error-before-content' | 'error-after-content'
  choices: ExpectedChoice[]
  /** Absent when the provider reported none: then Router9 must say that it estimated. */
  usage?: ExpectedUsage
  error?: ExpectedError
  notes: string[]
  /** Where the rules allow two answers, the other one. */
  orElse?: Expected
}
