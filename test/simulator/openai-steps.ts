import type { Incoming, Rendering, WireEvent } from './dialect.ts'
import { type Flavour, flavourOf } from './flavours.ts'
import type { Fields } from './json.ts'
import type { Call, Choice, Ending } from './prompt.ts'
import { citationIn } from './search.ts'
import { grouped } from './tokens.ts'

/** How OpenAI's format names the endings. */
export const FINISH_REASONS: Record<Ending, string> = {
  stop: 'stop',
  'stop-sequence': 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  refusal: 'stop',
  'content-filter': 'content_filter',
}

const CLOSED_THOUGHT = { type: 'thinking', thinking: [{ type: 'text', text: '' }], closed: true }

/** One delta of one choice. */
export interface Step {
  delta: Fields
  kind: WireEvent['kind']
  finish?: string
  logprobs?: Fields
}

/** The steps of all choices by turns, as several answers come at once. */
export function* interleaved(lines: Step[][]): Generator<[number, Step]> {
  const longest = Math.max(...lines.map(({ length }) => length))
  for (let position = 0; position < longest; position += 1) {
    for (const [index, line] of lines.entries()) {
      const step = line[position]
      if (step !== undefined) yield [index, step]
    }
  }
}

/** What one choice says, delta by delta. */
export function stepsOf(choice: Choice, incoming: Incoming, { ids, tokensPerEvent }: Rendering): Step[] {
  const flavour = flavourOf(incoming.slot)
  const made: Step[] = []
  const said = choice.text.length > 0 || choice.refusal.length > 0 || choice.calls.length === 0
  const role = {
    role: 'assistant',
    content: said ? '' : null,
    ...(flavour.reasoning === 'hidden' ? { refusal: null } : {}),
  }
  // A single call of OpenAI's own models comes with the role.
  const joined = flavour.reasoning === 'hidden' && !said && choice.calls.length === 1
  if (flavour.roleChunk && !joined) made.push({ delta: role, kind: 'preamble' })
  for (const text of grouped(choice.reasoning, tokensPerEvent)) {
    const delta = reasoningDelta(text, flavour)
    if (delta !== undefined) made.push({ delta, kind: 'content' })
  }
  if (flavour.reasoning === 'think-tags' && choice.reasoning.length > 0) wrapInThinkTags(made)
  const withLogprobs = incoming.body.logprobs === true
  const thoughtInParts = flavour.reasoning === 'content-parts' && choice.reasoning.length > 0
  for (const [at, text] of grouped(choice.text, tokensPerEvent).entries()) {
    const twin = flavour.nullTwin ? { reasoning_content: null } : {}
    const logprobs = withLogprobs ? { logprobs: { content: [logprobOf(text, incoming)], refusal: null } } : {}
    // The first words close the thought; from then on content is plain text again.
    const content = at === 0 && thoughtInParts ? [CLOSED_THOUGHT, { type: 'text', text }] : text
    made.push({ delta: { content, ...twin }, kind: 'content', ...logprobs })
  }
  const annotations = flavour.reasoning === 'hidden' ? annotationsOf(choice) : []
  if (annotations.length > 0) made.push({ delta: { annotations }, kind: 'frame' })
  for (const refusal of grouped(choice.refusal, tokensPerEvent)) {
    made.push({ delta: flavour.reasoning === 'hidden' ? { refusal } : { content: refusal }, kind: 'content' })
  }
  for (const [index, call] of choice.calls.entries()) {
    const id = flavour.callId(ids, call.name, index)
    const text = call.fragments.join('')
    const whole = flavour.calls !== 'fragments'
    const start = { index, id, ...calledOf(call, whole ? text : '') }
    made.push({ delta: { tool_calls: [start] }, kind: 'content' })
    if (whole) continue
    for (const piece of grouped(call.fragments, tokensPerEvent)) {
      const more = call.custom === true ? { custom: { input: piece } } : { function: { arguments: piece } }
      made.push({ delta: { tool_calls: [{ index, ...more }] }, kind: 'content' })
    }
  }
  const head = made[0]
  if (head !== undefined && joined) head.delta = { ...role, ...head.delta }
  else if (head !== undefined && !flavour.roleChunk) head.delta = { role: 'assistant', ...head.delta }
  const finish = FINISH_REASONS[choice.ending]
  const last = made.at(-1)
  if (flavour.calls === 'with-finish' && last?.kind === 'content') last.finish = finish
  else made.push({ delta: {}, kind: 'finish', finish })
  return made
}

/** What the text of an answer cites. */
export function annotationsOf({ text }: Choice): Fields[] {
  const citation = citationIn(text.join(''))
  return citation === undefined ? [] : [{ type: 'url_citation', url_citation: citation }]
}

/** A call of a function or of a custom tool, without its id. */
export function calledOf({ name, custom }: Call, text: string): Fields {
  if (custom === true) return { type: 'custom', custom: { name, input: text } }
  return { type: 'function', function: { name, arguments: text } }
}

function reasoningDelta(text: string, flavour: Flavour): Fields | undefined {
  switch (flavour.reasoning) {
    case 'hidden':
      return undefined
    case 'think-tags':
      return { content: text }
    case 'content-parts':
      return { content: [{ type: 'thinking', thinking: [{ type: 'text', text }] }] }
    case 'reasoning-details':
      return { content: '', reasoning: text, reasoning_details: reasoningDetails(text) }
    default:
      return flavour.nullTwin ? { content: null, reasoning_content: text } : { [flavour.reasoning]: text }
  }
}

/** OpenRouter's second way of telling the same reasoning, made to be sent back. */
export function reasoningDetails(text: string): Fields[] {
  return [{ type: 'reasoning.text', text, format: 'unknown', index: 0 }]
}

function wrapInThinkTags(made: Step[]): void {
  const thoughts = made.filter(({ kind }) => kind === 'content')
  const [head, tail] = [thoughts[0], thoughts.at(-1)]
  if (head === undefined || tail === undefined) return
  head.delta.content = `<think>\n${String(head.delta.content)}`
  tail.delta.content = `${String(tail.delta.content)}\n</think>\n\n`
}

/** The log probability of a token, made up but steady. */
export function logprobOf(token: string, incoming: Incoming): Fields {
  const bytes = [...Buffer.from(token)]
  const entry = { token, logprob: -0.0025 * (1 + ((bytes[0] ?? 0) % 7)), bytes }
  const alternatives = Number(incoming.body.top_logprobs ?? 0)
  return { ...entry, top_logprobs: Array.from({ length: Math.min(alternatives, 20) }, () => entry) }
}
