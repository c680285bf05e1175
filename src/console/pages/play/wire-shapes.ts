import type { Json } from './settings.ts'

// What of each API is read. It has come over the wire: any member may be missing.

export interface Usage {
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cache_read_input_tokens?: number
  readonly cache_creation_input_tokens?: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number }
  readonly input_tokens_details?: { readonly cached_tokens?: number }
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number }
  readonly output_tokens_details?: { readonly reasoning_tokens?: number }
}

interface ChatMessage {
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly reasoning?: string | null
  readonly refusal?: string | null
  readonly tool_calls?: readonly ChatCall[]
  readonly annotations?: readonly { readonly url_citation?: Cited }[]
}

interface ChatCall {
  readonly index?: number
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
  readonly custom?: { readonly name?: string; readonly input?: string }
}

export interface ChatData {
  readonly choices?: readonly {
    readonly index?: number
    readonly finish_reason?: string | null
    readonly delta?: ChatMessage
    readonly message?: ChatMessage
  }[]
  readonly usage?: Usage | null
  readonly error?: Json | null
}

interface ResponseItem {
  readonly type?: string
  readonly id?: string
  readonly call_id?: string
  readonly name?: string
  readonly arguments?: string
  readonly input?: string
  readonly summary?: readonly ResponsePart[]
  readonly content?: readonly ResponsePart[] | null
}

interface ResponsePart {
  readonly text?: string
  readonly refusal?: string
  readonly annotations?: readonly Cited[]
}

export interface ResponseData {
  readonly output?: readonly ResponseItem[]
  readonly usage?: Usage | null
  readonly status?: string
  readonly incomplete_details?: { readonly reason?: string } | null
  readonly error?: Json | null
}

export interface ResponseEvent {
  readonly type?: string
  readonly output_index?: number
  readonly content_index?: number
  readonly summary_index?: number
  readonly delta?: string
  readonly item?: ResponseItem
  readonly annotation?: Cited
  readonly response?: ResponseData
  readonly error?: Json
}

export interface AnthropicBlock {
  readonly type?: string
  readonly id?: string
  readonly name?: string
  readonly input?: unknown
  readonly text?: string
  readonly thinking?: string
  readonly partial_json?: string
  readonly citation?: Cited
  readonly citations?: readonly Cited[] | null
}

export interface AnthropicMessage {
  readonly content?: readonly AnthropicBlock[]
  readonly usage?: Usage
  readonly stop_reason?: string | null
}

export interface AnthropicEvent {
  readonly type?: string
  readonly index?: number
  readonly message?: AnthropicMessage
  readonly content_block?: AnthropicBlock
  readonly delta?: AnthropicBlock & { readonly stop_reason?: string | null }
  readonly usage?: Usage
  readonly error?: Json
}

export interface GeminiData {
  readonly candidates?: readonly {
    readonly index?: number
    readonly finishReason?: string
    readonly content?: { readonly parts?: readonly GeminiPart[] }
    readonly groundingMetadata?: { readonly groundingChunks?: readonly { readonly web?: Cited }[] }
  }[]
  readonly promptFeedback?: { readonly blockReason?: string }
  readonly usageMetadata?: Readonly<Record<string, number | undefined>>
  readonly error?: Json
}

interface GeminiPart {
  readonly text?: string
  readonly thought?: boolean
  readonly functionCall?: { readonly id?: string; readonly name?: string; readonly args?: unknown }
}

export interface Cited {
  readonly url?: string
  readonly uri?: string
  readonly title?: string | null
}
