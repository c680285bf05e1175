import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { argumentsWithoutCall, hasArguments } from '../openai-chat/read-calls.ts'
import {
  createBoundedCounter,
  createKeptBound,
  failuresAsEvents,
  MAX_ANNOTATIONS,
  MAX_TOOL_CALLS,
  malformedAnswer,
} from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'
import { ANTHROPIC_REASONING_FORMAT } from './write-messages.ts'

/** Reads Anthropic's answers: stream events and whole messages, by the same block mapping (translation 1.3, 1.4). */
export interface AnthropicReader {
  readonly readEvent: MessageReader
  readonly readBody: (body: unknown) => readonly ChatEvent[]
}

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    compaction: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  } as const),
)

interface Block {
  readonly type: string
  /** Which of the client's tool calls this is; undefined for every other block. */
  readonly tool?: number
  /** The tool that stands in for structured output: its input is the answer's text. */
  readonly json: boolean
  /** The input as it came with the block's start, for servers that send no deltas; '' where it is empty. */
  readonly input: string
  deltas: boolean
  thinking: string
  signature: string
  /** Where the block's text begins in the whole answer. */
  readonly from: number
  /** How many characters it keeps until it is over. */
  kept: number
  /** Pages that its text rests on. */
  readonly pages: { readonly url: string; readonly title: string }[]
}

const CHOICE = 0
/** Blocks that have begun and not ended; mostly there is one. */
const MAX_OPEN_BLOCKS = 1024

const PROMPT_COUNTS = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'] as const

/** @param jsonTool the name of the tool that stands in for structured output, where one does. */
export function createAnthropicReader(jsonTool: string | undefined): AnthropicReader {
  const blocks = new Map<number, Block>()
  const countTool = createBoundedCounter(MAX_TOOL_CALLS, 'tool calls')
  const countPage = createBoundedCounter(MAX_ANNOTATIONS, 'citations')
  const keep = createKeptBound()
  let tools = 0
  /** Something stood where words should stand, and could not be read. */
  let unread = false
  let textLength = 0
  let thought = false
  let started = false
  let usage: { input: number; read: number; write: number; output: number; thinking: number } | undefined

  const text = (value: string): ChatEvent => {
    textLength += value.length
    return { type: 'text', choice: CHOICE, text: value }
  }

  const open = (index: number, given: JsonObject, events: ChatEvent[]): Block => {
    const type = toText(given.type) ?? ''
    const json = type === 'tool_use' && given.name === jsonTool
    const tool = type === 'tool_use' && !json ? countTool() : undefined
    if (tool !== undefined) tools = tool + 1
    if (blocks.size >= MAX_OPEN_BLOCKS) throw malformedAnswer('it begins more than it ends')
    const block: Block = {
      type,
      json,
      ...(tool === undefined ? {} : { tool }),
      input: tool !== undefined || json ? inputText(given.input) : '',
      deltas: false,
      thinking: '',
      signature: '',
      from: textLength,
      kept: 0,
      pages: [],
    }
    blocks.set(index, block)
    keepIn(block, block.input.length)
    if (tool !== undefined) {
      const id = toText(given.id) ?? `toolu_${tool}`
      const name = toText(given.name) ?? ''
      events.push({ type: 'tool-start', choice: CHOICE, index: tool, id, name, kind: 'function' })
    }
    if (type === 'text' && toText(given.text) !== undefined) events.push(text(given.text as string))
    else if (given.text !== undefined && given.text !== '') unread = true
    if (type === 'thinking') {
      think(block, toText(given.thinking) ?? '', events)
      sign(block, toText(given.signature))
    }
    if (type === 'redacted_thinking') {
      const detail = { type: 'reasoning.encrypted', data: given.data, format: ANTHROPIC_REASONING_FORMAT, index }
      events.push(reasoningDetail(detail))
    }
    for (const citation of jsonObjectsIn(given.citations)) cite(block, citation)
    return block
  }

  const keepIn = (block: Block, characters: number) => {
    keep(characters)
    block.kept += characters
  }

  /** A web page has a form of OpenAI's; the caller's own documents have none. */
  const cite = (block: Block, citation: JsonObject) => {
    const url = toText(citation.url)
    if (url === undefined) return
    const title = toText(citation.title) ?? ''
    countPage()
    keepIn(block, url.length + title.length)
    block.pages.push({ url, title })
  }

  const sign = (block: Block, signature: string | undefined) => {
    if (signature === undefined) return
    keepIn(block, signature.length)
    block.signature += signature
  }

  const think = (block: Block, value: string, events: ChatEvent[]) => {
    if (value === '') return
    thought = true
    keepIn(block, value.length)
    block.thinking += value
    events.push({ type: 'reasoning', choice: CHOICE, text: value })
  }

  const grow = (block: Block, delta: JsonObject, events: ChatEvent[]) => {
    switch (delta.type) {
      case 'text_delta':
        if (toText(delta.text) !== undefined) events.push(text(delta.text as string))
        else if (delta.text !== '') unread = true
        break
      case 'input_json_delta': {
        const piece = toText(delta.partial_json)
        // Server tools send the same deltas; only the client's own calls reach the client.
        if (piece === undefined || (block.tool === undefined && !block.json)) break
        block.deltas = true
        if (block.json) events.push(text(piece))
        else events.push({ type: 'tool-delta', choice: CHOICE, index: block.tool ?? 0, text: piece })
        break
      }
      case 'thinking_delta':
        think(block, toText(delta.thinking) ?? '', events)
        break
      case 'signature_delta':
        sign(block, toText(delta.signature))
        break
      case 'citations_delta':
        if (isJsonObject(delta.citation)) cite(block, delta.citation)
        break
    }
  }

  const close = (index: number, block: Block, events: ChatEvent[]) => {
    const whole = block.input || '{}'
    if (!block.deltas && block.json) events.push(text(whole))
    if (!block.deltas && block.tool !== undefined) {
      events.push({ type: 'tool-delta', choice: CHOICE, index: block.tool, text: whole })
    }
    if (block.type === 'thinking' && block.signature !== '') {
      const { thinking, signature } = block
      events.push(
        reasoningDetail({
          type: 'reasoning.text',
          text: thinking,
          signature,
          format: ANTHROPIC_REASONING_FORMAT,
          index,
        }),
      )
    }
    const annotations = block.pages.map((page) => annotation(page, block.from, textLength))
    if (annotations.length > 0) {
      events.push({ type: 'extra', choice: CHOICE, place: 'message', fields: { annotations } })
    }
    blocks.delete(index)
    keep(-block.kept)
  }

  const readUsage = (given: unknown) => {
    if (!isJsonObject(given)) return
    const details = isJsonObject(given.output_tokens_details) ? given.output_tokens_details : {}
    // Cumulative, and later numbers correct earlier ones; old streams repeat only some of them, others fill in zeros.
    const isOfPrompt = PROMPT_COUNTS.some((name) => toCount(given[name]) > 0)
    const count = (name: (typeof PROMPT_COUNTS)[number], before = 0) =>
      isOfPrompt && typeof given[name] === 'number' ? toCount(given[name]) : before
    usage = {
      input: count('input_tokens', usage?.input),
      read: count('cache_read_input_tokens', usage?.read),
      write: count('cache_creation_input_tokens', usage?.write),
      output: toCount(given.output_tokens) || (usage?.output ?? 0),
      thinking: toCount(details.thinking_tokens) || (usage?.thinking ?? 0),
    }
  }

  const finish = (given: JsonObject, events: ChatEvent[]) => {
    const word = toText(given.stop_reason)
    if (word === undefined) return
    const explanation = isJsonObject(given.stop_details) ? toText(given.stop_details.explanation) : undefined
    if (word === 'refusal' && explanation !== undefined) {
      events.push({ type: 'refusal', choice: CHOICE, text: explanation })
    }
    const reason = FINISH_REASONS.get(word) ?? 'stop'
    // An answer of which nothing was understood is no empty one.
    if (unread && textLength === 0 && tools === 0 && !thought && reason !== 'content_filter') {
      events.push(nonsense())
      return
    }
    events.push({ type: 'finish', choice: CHOICE, reason })
  }

  const usageEvent = (): ChatEvent[] => {
    if (usage === undefined) return []
    const { input, read, write, output, thinking } = usage
    const prompt = { cached_tokens: read, ...(write > 0 ? { cache_write_tokens: write } : {}) }
    const completion = thinking > 0 ? { completion_tokens_details: { reasoning_tokens: thinking } } : {}
    return [
      { type: 'usage', usage: toUsage(input + read + write, output, { prompt_tokens_details: prompt, ...completion }) },
    ]
  }

  const event: MessageReader = (data, name) => {
    if (!isJsonObject(data)) return [nonsense()]
    const events: ChatEvent[] = []
    const index = typeof data.index === 'number' ? data.index : 0
    switch (toText(data.type) ?? name) {
      case 'message_start': {
        // Some proxies send it twice; after content it means that the answer began anew, which the client cannot unsee.
        if (started && (textLength > 0 || thought || tools > 0)) return [restarted()]
        started = true
        if (isJsonObject(data.message)) readUsage(data.message.usage)
        return usageEvent()
      }
      case 'content_block_start':
        if (isJsonObject(data.content_block)) open(index, data.content_block, events)
        return events
      case 'content_block_delta': {
        const block = blocks.get(index)
        if (!isJsonObject(data.delta)) return events
        if (block !== undefined) grow(block, data.delta, events)
        else if (hasArguments(toText(data.delta.partial_json) ?? '')) throw argumentsWithoutCall()
        // What belongs to no block has no place.
        else unread = true
        return events
      }
      case 'content_block_stop': {
        const block = blocks.get(index)
        if (block !== undefined) close(index, block, events)
        return events
      }
      case 'message_delta':
        readUsage(data.usage)
        if (isJsonObject(data.delta) && toText(data.delta.stop_reason) !== undefined) {
          // Some servers that speak this way never say that a block is over.
          for (const [at, block] of blocks) close(at, block, events)
          finish(data.delta, events)
        }
        return [...events, ...usageEvent()]
      case 'message_stop':
        return [{ type: 'done' }]
      case 'error':
        return [{ type: 'error', failure: readErrorInAnswer(data) }]
      default:
        return isJsonObject(data.error) ? [{ type: 'error', failure: readErrorInAnswer(data) }] : events
    }
  }

  const body = (given: unknown): readonly ChatEvent[] => {
    if (!isJsonObject(given)) return [nonsense()]
    if (given.type === 'error' || isJsonObject(given.error))
      return [{ type: 'error', failure: readErrorInAnswer(given) }]
    const content = typeof given.content === 'string' ? [{ type: 'text', text: given.content }] : given.content
    if (!Array.isArray(content)) return [nonsense()]
    unread = content.some((block) => !isJsonObject(block))
    const events: ChatEvent[] = []
    jsonObjectsIn(content).forEach((block, index) => {
      close(index, open(index, block, events), events)
    })
    readUsage(given.usage)
    finish({ ...given, stop_reason: given.stop_reason ?? 'end_turn' }, events)
    return [...events, ...usageEvent(), { type: 'done' }]
  }

  return { readEvent: failuresAsEvents(event), readBody: failuresAsEvents(body) }
}

function reasoningDetail(detail: JsonObject): ChatEvent {
  return { type: 'extra', choice: CHOICE, place: 'message', fields: { reasoning_details: [detail] } }
}

/** A citation of a web page in OpenAI's form. */
function annotation(page: { readonly url: string; readonly title: string }, from: number, to: number): JsonObject {
  return { type: 'url_citation', url_citation: { ...page, start_index: from, end_index: to } }
}

/** An object, as a rule; a text of one from servers that think of OpenAI's form. */
function inputText(input: unknown): string {
  if (typeof input === 'string') return input
  return isJsonObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : ''
}

function nonsense(): ChatEvent {
  const failure = new Failure('provider-failed', 'The provider answered with something that is not a message.')
  return { type: 'error', failure }
}

function restarted(): ChatEvent {
  return { type: 'error', failure: new Failure('provider-failed', 'The provider began its answer a second time.') }
}
