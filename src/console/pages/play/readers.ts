import type { FormatName } from './draft.ts'
import type { Json } from './settings.ts'
import type {
  AnthropicBlock,
  AnthropicEvent,
  AnthropicMessage,
  ChatData,
  Cited,
  GeminiData,
  ResponseData,
  ResponseEvent,
  Usage,
} from './wire-shapes.ts'

export interface Tokens {
  readonly prompt?: number | undefined
  readonly completion?: number | undefined
  readonly cached?: number | undefined
  readonly reasoning?: number | undefined
}

/** What an answer says next, whichever API it comes in. `at` tells apart what goes on in parallel. */
export type Piece =
  | { readonly kind: 'text' | 'reasoning' | 'refusal'; readonly at: string; readonly text: string }
  | { readonly kind: 'call'; readonly at: string; readonly text: string; readonly id?: string; readonly name?: string }
  | { readonly kind: 'citation'; readonly title: string; readonly url: string }
  | { readonly kind: 'usage'; readonly tokens: Tokens }
  | { readonly kind: 'finish'; readonly reason: string }
  | { readonly kind: 'error'; readonly message: string; readonly code?: string | undefined }
  /** The answer is complete. A stream that ends without it has broken. */
  | { readonly kind: 'end' }

interface Reader {
  /** One event of a stream. */
  readonly readEvent: (data: never) => readonly Piece[]
  /** A whole answer. */
  readonly readAnswer: (body: never) => readonly Piece[]
}

const READERS: Readonly<Record<FormatName, Reader>> = {
  chat: {
    readEvent: (data: ChatData) => readChat(data, 'delta'),
    readAnswer: (body: ChatData) => [...readChat(body, 'message'), END],
  },
  responses: { readEvent: readResponsesEvent, readAnswer: readResponse },
  messages: { readEvent: readMessagesEvent, readAnswer: readMessage },
  gemini: { readEvent: readGemini, readAnswer: (body: GeminiData) => [...readGemini(body), END] },
}

/** An event of a stream, as its data. `[DONE]` ends chat completions. */
export function readEvent(format: FormatName, data: string): readonly Piece[] {
  return data === '[DONE]' ? [END] : readJson(READERS[format].readEvent, data)
}

/** A whole answer, as its body. */
export function readAnswer(format: FormatName, body: string): readonly Piece[] {
  return readJson(READERS[format].readAnswer, body)
}

function readJson(read: (data: never) => readonly Piece[], text: string): readonly Piece[] {
  try {
    return read(JSON.parse(text) as never)
  } catch {
    return [{ kind: 'error', message: `This cannot be read: ${text.slice(0, 200)}` }]
  }
}

const END: Piece = { kind: 'end' }

function readChat(data: ChatData, member: 'delta' | 'message'): readonly Piece[] {
  const pieces: Piece[] = []
  for (const { index, finish_reason: reason, [member]: delta } of data.choices ?? []) {
    const at = String(index ?? 0)
    const reasoning = delta?.reasoning_content ?? delta?.reasoning
    if (typeof reasoning === 'string') pieces.push({ kind: 'reasoning', at, text: reasoning })
    if (delta?.content) pieces.push({ kind: 'text', at, text: delta.content })
    if (delta?.refusal) pieces.push({ kind: 'refusal', at, text: delta.refusal })
    for (const [place, call] of (delta?.tool_calls ?? []).entries()) {
      const { id, function: called, custom, index: number = place } = call
      pieces.push(callPiece(`${at}.${number}`, called?.arguments ?? custom?.input, called?.name ?? custom?.name, id))
    }
    for (const { url_citation: cited } of delta?.annotations ?? []) pieces.push(...citation(cited))
    if (reason && reason !== 'error') pieces.push({ kind: 'finish', reason })
  }
  const { usage } = data
  if (usage) {
    const tokens = {
      prompt: usage.prompt_tokens,
      completion: usage.completion_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens,
      reasoning: usage.completion_tokens_details?.reasoning_tokens,
    }
    pieces.push({ kind: 'usage', tokens })
  }
  return [...pieces, ...errorOf(data.error)]
}

function readResponsesEvent(event: ResponseEvent): readonly Piece[] {
  const { type, delta = '', item, response } = event
  const at = `${event.output_index}.${event.content_index ?? event.summary_index ?? 0}`
  switch (type) {
    case 'response.output_text.delta':
      return [{ kind: 'text', at, text: delta }]
    case 'response.refusal.delta':
      return [{ kind: 'refusal', at, text: delta }]
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
      return [{ kind: 'reasoning', at, text: delta }]
    case 'response.output_item.added':
      if (!item?.type?.endsWith('_call')) return []
      return [callPiece(String(event.output_index), undefined, item.name ?? item.type, item.call_id ?? item.id)]
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      return [callPiece(String(event.output_index), delta)]
    case 'response.output_text.annotation.added':
      return citation(event.annotation)
    case 'response.completed':
    case 'response.incomplete':
      return [...responseEnd(response ?? {}), END]
    case 'response.failed':
      return errorOf(response?.error ?? { message: 'The response failed.' })
    case 'error':
      return errorOf(event.error ?? (event as Json))
    default:
      return []
  }
}

function readResponse(response: ResponseData): readonly Piece[] {
  const pieces: Piece[] = []
  for (const [place, item] of (response.output ?? []).entries()) {
    for (const [number, part] of [...(item.summary ?? []), ...(item.content ?? [])].entries()) {
      const at = `${place}.${number}`
      const kind = item.type === 'reasoning' ? 'reasoning' : part.refusal ? 'refusal' : 'text'
      pieces.push({ kind, at, text: part.text ?? part.refusal ?? '' })
      for (const annotation of part.annotations ?? []) pieces.push(...citation(annotation))
    }
    if (!item.type?.endsWith('_call')) continue
    pieces.push(callPiece(String(place), item.arguments ?? item.input, item.name ?? item.type, item.call_id ?? item.id))
  }
  return [...pieces, ...responseEnd(response), ...errorOf(response.error), END]
}

function responseEnd({ usage, status, incomplete_details: details }: ResponseData): readonly Piece[] {
  const tokens = usage && {
    prompt: usage.input_tokens,
    completion: usage.output_tokens,
    cached: usage.input_tokens_details?.cached_tokens,
    reasoning: usage.output_tokens_details?.reasoning_tokens,
  }
  const finish: Piece = { kind: 'finish', reason: [status, details?.reason].filter(Boolean).join(': ') }
  return tokens ? [{ kind: 'usage', tokens }, finish] : [finish]
}

function readMessagesEvent(event: AnthropicEvent): readonly Piece[] {
  const { type, index, delta, content_block: block } = event
  const at = String(index ?? 0)
  switch (type) {
    case 'message_start':
      return anthropicUsage(event.message?.usage)
    case 'content_block_start':
      return block ? readBlock(block, at, true) : []
    case 'content_block_delta':
      if (delta?.text) return [{ kind: 'text', at, text: delta.text }]
      if (delta?.thinking) return [{ kind: 'reasoning', at, text: delta.thinking }]
      if (delta?.partial_json) return [callPiece(at, delta.partial_json)]
      return delta?.citation ? citation(delta.citation) : []
    case 'message_delta':
      return [...anthropicUsage(event.usage), ...finishOf(delta?.stop_reason)]
    case 'message_stop':
      return [END]
    case 'error':
      return errorOf(event.error)
    default:
      return []
  }
}

function readMessage(message: AnthropicMessage): readonly Piece[] {
  const blocks = (message.content ?? []).flatMap((block, at) => readBlock(block, String(at), false))
  return [...blocks, ...anthropicUsage(message.usage), ...finishOf(message.stop_reason), END]
}

function readBlock(block: AnthropicBlock, at: string, begins: boolean): readonly Piece[] {
  if (block.type?.endsWith('tool_use')) {
    return [callPiece(at, begins ? undefined : JSON.stringify(block.input ?? {}), block.name, block.id)]
  }
  const cited = (block.citations ?? []).flatMap(citation)
  if (block.thinking) return [{ kind: 'reasoning', at, text: block.thinking }]
  return block.text ? [{ kind: 'text', at, text: block.text }, ...cited] : cited
}

function anthropicUsage(usage: Usage | undefined): readonly Piece[] {
  if (!usage) return []
  const { input_tokens: input, cache_read_input_tokens: cached = 0, cache_creation_input_tokens: written = 0 } = usage
  // Here the input is without what came from a cache or went into one.
  const prompt = input === undefined ? undefined : input + cached + written
  return [{ kind: 'usage', tokens: { prompt, completion: usage.output_tokens, cached } }]
}

function readGemini(data: GeminiData): readonly Piece[] {
  const pieces: Piece[] = []
  for (const [place, candidate] of (data.candidates ?? []).entries()) {
    const at = String(candidate.index ?? place)
    for (const [number, part] of (candidate.content?.parts ?? []).entries()) {
      const { functionCall: call, text } = part
      if (call)
        pieces.push(callPiece(`${at}.${call.id ?? number}`, JSON.stringify(call.args ?? {}), call.name, call.id))
      if (text) pieces.push({ kind: part.thought ? 'reasoning' : 'text', at, text })
    }
    for (const { web } of candidate.groundingMetadata?.groundingChunks ?? []) {
      pieces.push(...citation(web))
    }
    if (candidate.finishReason) pieces.push({ kind: 'finish', reason: candidate.finishReason }, END)
  }
  const { usageMetadata: usage, promptFeedback: feedback } = data
  if (feedback?.blockReason) pieces.push({ kind: 'finish', reason: `blocked: ${feedback.blockReason}` }, END)
  if (usage) {
    const reasoning = usage.thoughtsTokenCount
    const tokens = {
      prompt: usage.promptTokenCount,
      completion: (usage.candidatesTokenCount ?? 0) + (reasoning ?? 0),
      cached: usage.cachedContentTokenCount,
      reasoning,
    }
    pieces.push({ kind: 'usage', tokens })
  }
  return [...pieces, ...errorOf(data.error)]
}

function callPiece(at: string, text = '', name?: string, id?: string): Piece {
  return { kind: 'call', at, text, ...(name && { name }), ...(id && { id }) }
}

function citation(cited: Cited | undefined): readonly Piece[] {
  const url = cited?.url ?? cited?.uri
  return url ? [{ kind: 'citation', url, title: cited?.title || url }] : []
}

function finishOf(reason: string | null | undefined): readonly Piece[] {
  return reason ? [{ kind: 'finish', reason }] : []
}

function errorOf(error: Json | undefined | null): readonly Piece[] {
  if (!error) return []
  const { message, code, status, type } = error as Json
  const name = [code, status, type].find((one) => typeof one === 'string') as string | undefined
  return [{ kind: 'error', message: String(message ?? 'The answer broke off.'), code: name }]
}
