import type { Incoming, Rendering, WireEvent } from './dialect.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, numberOf, textOf } from './json.ts'
import { remember } from './memory.ts'
import { logprobOf } from './openai-steps.ts'
import type { Call, Choice } from './prompt.ts'
import { includes } from './responses-read.ts'
import { citationIn, FOUND } from './search.ts'
import { sealed } from './signatures.ts'
import { grouped } from './tokens.ts'

/** One event about an item, before it gets its numbers. */
export interface ItemStep {
  kind: WireEvent['kind']
  data: Fields
}

/** An item of an answer: as it begins, what happens to it, and as it is in the end. */
export interface OutputItem {
  added: Fields
  steps: ItemStep[]
  done: Fields
}

/** The items that an answer consists of. */
export function outputItems(choice: Choice, incoming: Incoming, rendering: Rendering): OutputItem[] {
  const items: OutputItem[] = []
  const calls = choice.calls.map((call) => callItem(call, incoming, rendering))
  if (choice.reasoning.length > 0) items.push(reasoningItem(choice, calls, incoming, rendering))
  if (choice.search !== undefined) items.push(searchItem(choice.search, incoming, rendering))
  if (choice.text.length > 0 || choice.refusal.length > 0) items.push(messageItem(choice, incoming, rendering))
  items.push(...calls)
  keep(items, incoming)
  return items
}

function itemId(prefix: string, { slot }: Incoming, { ids }: Rendering): string {
  return slot === 'xai' ? `${prefix}_${ids.uuid()}` : `${prefix}_${ids.hex(50)}`
}

// Later requests are checked against what was said here.
function keep(items: OutputItem[], { memory, slot, body }: Incoming): void {
  const reasoning = items.find(({ done }) => done.type === 'reasoning')
  for (const { done } of items) {
    const calls = items.map((item) => item.done.call_id)
    const bound = done === reasoning?.done ? { calls } : { reasoning: textOf(reasoning?.done.id) }
    remember(memory.items, textOf(done.id), {
      slot,
      item: done,
      stored: body.store !== false,
      ...(reasoning === undefined ? {} : bound),
    })
  }
}

function reasoningItem(choice: Choice, calls: OutputItem[], incoming: Incoming, rendering: Rendering): OutputItem {
  const { slot, body } = incoming
  const id = itemId('rs', incoming, rendering)
  const text = choice.reasoning.join('')
  const pieces = grouped(choice.reasoning, rendering.tokensPerEvent)
  const raw = flavourOf(slot).reasoning !== 'hidden' && slot !== 'xai'
  const shown = slot === 'xai' || textOf(fieldsOf(body.reasoning)?.summary) !== ''
  const base = { id, type: 'reasoning', summary: [] as Fields[] }
  const secret = { of: id, calls: calls.map(({ done }) => done.call_id), text }
  const wanted = includes(incoming, 'reasoning.encrypted_content')
  // What comes while the model still thinks cannot be used later; some providers send nothing until then.
  const early = wanted && !raw && slot !== 'xai' ? { encrypted_content: sealed(slot, { of: id, early: true }) } : {}
  const late = wanted ? { encrypted_content: sealed(slot, secret) } : {}
  if (raw) {
    const part = { type: 'reasoning_text', text }
    const place = { item_id: id, content_index: 0 }
    return {
      added: { ...base, content: [], status: 'in_progress' },
      steps: partSteps('response.reasoning_text', place, { type: 'reasoning_text', text: '' }, part, pieces),
      done: { ...base, content: [part], ...late, status: 'completed' },
    }
  }
  const part = { type: 'summary_text', text }
  const place = { item_id: id, summary_index: 0 }
  return {
    added: { ...base, ...early },
    steps: shown
      ? partSteps('response.reasoning_summary_text', place, { type: 'summary_text', text: '' }, part, pieces)
      : [],
    done: { ...base, summary: shown ? [part] : [], ...late },
  }
}

// A part is added, grows, and is done.
function partSteps(
  type: string,
  place: Fields,
  empty: Fields,
  part: Fields,
  pieces: readonly string[],
  dress: (piece: string) => Fields = () => ({}),
): ItemStep[] {
  const room = 'summary_index' in place ? 'response.reasoning_summary_part' : 'response.content_part'
  const field = part.type === 'refusal' ? 'refusal' : 'text'
  const logprobs = 'logprobs' in empty ? { logprobs: part.logprobs } : {}
  return [
    { kind: 'frame', data: { type: `${room}.added`, ...place, part: empty } },
    ...pieces.map((delta): ItemStep => {
      return { kind: 'content', data: { type: `${type}.delta`, ...place, delta, ...dress(delta) } }
    }),
    { kind: 'frame', data: { type: `${type}.done`, ...place, [field]: part[field], ...logprobs } },
    { kind: 'frame', data: { type: `${room}.done`, ...place, part } },
  ]
}

function messageItem(choice: Choice, incoming: Incoming, rendering: Rendering): OutputItem {
  const id = itemId('msg', incoming, rendering)
  const phase = /codex|gpt-5\.[3-9]/.test(textOf(incoming.body.model)) ? { phase: 'final_answer' } : {}
  const base = { id, type: 'message', ...phase, role: 'assistant' }
  const place = { item_id: id, content_index: 0 }
  const status = choice.ending === 'length' && choice.calls.length === 0 ? 'incomplete' : 'completed'
  const added = { ...base, status: 'in_progress', content: [] }
  if (choice.refusal.length > 0) {
    const part = { type: 'refusal', refusal: choice.refusal.join('') }
    const pieces = grouped(choice.refusal, rendering.tokensPerEvent)
    const steps = partSteps('response.refusal', place, { type: 'refusal', refusal: '' }, part, pieces)
    return { added, steps, done: { ...base, status, content: [part] } }
  }
  const text = choice.text.join('')
  const likely = includes(incoming, 'message.output_text.logprobs') || (numberOf(incoming.body.top_logprobs) ?? 0) > 0
  const pieces = grouped(choice.text, rendering.tokensPerEvent)
  const logprobs = likely ? pieces.map((piece) => logprobOf(piece, incoming)) : []
  const annotations = citationsIn(text)
  const part = { type: 'output_text', annotations, logprobs, text }
  const empty = { type: 'output_text', annotations: [], logprobs: [], text: '' }
  const steps = partSteps('response.output_text', place, empty, part, pieces, (piece) => ({
    logprobs: likely ? [logprobOf(piece, incoming)] : [],
  }))
  const cited = annotations.map((annotation, index): ItemStep => {
    const data = { type: 'response.output_text.annotation.added', ...place, annotation_index: index, annotation }
    return { kind: 'frame', data }
  })
  steps.splice(-2, 0, ...cited)
  return { added, steps, done: { ...base, status, content: [part] } }
}

function citationsIn(text: string): Fields[] {
  const citation = citationIn(text)
  return citation === undefined ? [] : [{ type: 'url_citation', ...citation }]
}

function searchItem(query: string, incoming: Incoming, rendering: Rendering): OutputItem {
  const id = itemId('ws', incoming, rendering)
  const base = { id, type: 'web_search_call' }
  const sources = includes(incoming, 'web_search_call.action.sources')
    ? { sources: [{ type: 'url', url: FOUND.url }] }
    : {}
  return {
    added: { ...base, status: 'in_progress', action: { type: 'search' } },
    steps: ['in_progress', 'searching', 'completed'].map((state) => ({
      kind: 'frame',
      data: { type: `response.web_search_call.${state}`, item_id: id },
    })),
    done: { ...base, status: 'completed', action: { type: 'search', query, queries: [query], ...sources } },
  }
}

function callItem(call: Call, incoming: Incoming, rendering: Rendering): OutputItem {
  const custom = call.custom === true
  const id = itemId(custom ? 'ctc' : 'fc', incoming, rendering)
  const callId = incoming.slot === 'xai' ? `call-${rendering.ids.uuid()}-0` : `call_${rendering.ids.letters(24)}`
  const base = {
    id,
    type: custom ? 'custom_tool_call' : 'function_call',
    call_id: callId,
    name: call.name,
    ...(call.namespace === undefined ? {} : { namespace: call.namespace }),
  }
  const field = custom ? 'input' : 'arguments'
  const type = custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments'
  const text = call.fragments.join('')
  const pieces = grouped(call.fragments, rendering.tokensPerEvent)
  return {
    added: { ...base, status: 'in_progress', [field]: '' },
    steps: [
      ...pieces.map((delta): ItemStep => ({ kind: 'content', data: { type: `${type}.delta`, item_id: id, delta } })),
      { kind: 'frame', data: { type: `${type}.done`, item_id: id, [field]: text } },
    ],
    done: { ...base, status: call.complete ? 'completed' : 'incomplete', [field]: text },
  }
}
