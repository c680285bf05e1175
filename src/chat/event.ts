import type { Failure } from './failure.ts'

/** Why a choice ended; never a provider's own word (contract 3). */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call'

/** What a call used, in the form the client gets. Made by `toUsage`, so that the total is always the sum. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: Readonly<Record<string, unknown>>
  readonly completion_tokens_details?: Readonly<Record<string, unknown>>
  /** At least one of the counts is our estimate, from the length of the texts. */
  readonly estimated?: true
  readonly [field: string]: unknown
}

/** The three forms of calls in OpenAI's API: function tools, custom tools, and the function call from before tools. */
export type ToolKind = 'function' | 'custom' | 'function_call'

/** Where a field that we do not know stands in a chunk or body. */
export type ExtraPlace = 'body' | 'choice' | 'message'

/** The content of an answer, piece by piece. `choice` tells the answers of `n > 1` apart. */
export type Content =
  /** `isEcho`: it repeats the prompt, so that the model has not written it. */
  | { readonly type: 'text'; readonly choice: number; readonly text: string; readonly isEcho?: true }
  | { readonly type: 'reasoning'; readonly choice: number; readonly text: string }
  | { readonly type: 'refusal'; readonly choice: number; readonly text: string }
  | {
      readonly type: 'tool-start'
      readonly choice: number
      /** Counts the client's tool calls of this choice from 0. */
      readonly index: number
      readonly id: string
      readonly name: string
      readonly kind: ToolKind
      /** Further fields of the call, such as `extra_content`. */
      readonly extra?: Readonly<Record<string, unknown>>
    }
  /** A piece of a tool call's arguments (of a custom tool's input). */
  | { readonly type: 'tool-delta'; readonly choice: number; readonly index: number; readonly text: string }
  /**
   * Fields that we do not know (`logprobs`, `annotations`, `reasoning_details`, `service_tier`, …). They go to the client
   * unchanged, in the chunk of the next content event of their choice.
   */
  | {
      readonly type: 'extra'
      readonly choice: number
      readonly place: ExtraPlace
      readonly fields: Readonly<Record<string, unknown>>
    }

/**
 * A message of the provider as it came, before the events that are read from it. Only where the client speaks the provider's
 * own format: its writer then loses nothing. `isContent`: the client has to have it, although no other event says it. `isPing`:
 * it is a sign of life, and nothing else.
 */
export interface NativeMessage {
  readonly type: 'native'
  readonly message: Readonly<Record<string, unknown>>
  readonly isContent?: true
  readonly isPing?: true
}

/** All that a provider's format can read from one upstream message. */
export type ChatEvent =
  | Content
  | NativeMessage
  /** `isFinal`: the reason stays as it is, also where the choice has called tools. */
  | { readonly type: 'finish'; readonly choice: number; readonly reason: FinishReason; readonly isFinal?: true }
  /** Cumulative: a later one replaces an earlier one. */
  | { readonly type: 'usage'; readonly usage: Usage }
  /** The provider marked the answer as complete. */
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly failure: Failure }

export interface Finish {
  readonly choice: number
  readonly reason: FinishReason
}

/** How every answer ends, exactly once: complete, with all finishes and the usage, or broken. */
export type StreamEnd =
  | { readonly type: 'end'; readonly finishes: readonly Finish[]; readonly usage: Usage }
  | { readonly type: 'error'; readonly failure: Failure }

/** What comes out of `stream/finalize.ts`: content, then exactly one end. */
export type OutputEvent = Content | NativeMessage | StreamEnd

/** Role-only and empty chunks do not count, nor do fields that only accompany content (contract 6); sound and pictures do. */
export function isMeaningful(event: OutputEvent): boolean {
  if (event.type === 'native') return event.isContent === true
  return event.type !== 'extra' || 'audio' in event.fields || 'images' in event.fields
}

/** Usage with the total as the sum of its parts, whatever a provider's own total says (contract 3). */
export function toUsage(promptTokens: number, completionTokens: number, further: Record<string, unknown> = {}): Usage {
  const counts = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
  // First for people who read it, and last so that nothing replaces them.
  return { ...counts, ...further, ...counts }
}
