import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import { insistOnReturn } from './flavour-checks.ts'
import { type Flavour, flavourOf } from './flavours.ts'
import { type Fields, fieldsOf } from './json.ts'
import { checkOpenai } from './openai-checks.ts'
import { openaiFailure, openaiFailureEvents } from './openai-errors.ts'
import { readOpenai } from './openai-read.ts'
import {
  annotationsOf,
  calledOf,
  FINISH_REASONS,
  interleaved,
  logprobOf,
  reasoningDetails,
  type Step,
  stepsOf,
} from './openai-steps.ts'
import type { Choice, Thought } from './prompt.ts'

interface Places {
  inline: 'never' | 'finish' | 'every'
  own: 'never' | 'asked' | 'always'
}

const USAGE_PLACES: Record<Flavour['usage'], Places> = {
  asked: { inline: 'never', own: 'asked' },
  always: { inline: 'never', own: 'always' },
  finish: { inline: 'finish', own: 'never' },
  'finish-and-asked': { inline: 'finish', own: 'asked' },
  repeat: { inline: 'never', own: 'never' },
  every: { inline: 'every', own: 'never' },
}

/** The format of OpenAI's chat completions and of all who copied it. */
export const openai: Dialect = {
  name: 'openai',
  lineEnding: ({ slot }) => flavourOf(slot).lineEnding,
  isStream: ({ body }) => body.stream === true,
  headers: ({ slot }, { ids }) => ({
    'x-request-id': `req_${ids.hex(32)}`,
    'x-ratelimit-limit-requests': '10000',
    'x-ratelimit-limit-tokens': '2000000',
    'x-ratelimit-remaining-requests': '9999',
    'x-ratelimit-remaining-tokens': '1999900',
    'x-ratelimit-reset-requests': '6ms',
    'x-ratelimit-reset-tokens': '0s',
    ...(slot === 'openai' ? { 'openai-version': '2020-10-01', 'openai-processing-ms': '12' } : {}),
  }),
  check: checkOpenai,
  insists: insistOnReturn,
  read: readOpenai,
  events: openaiEvents,
  body: openaiBody,
  hollow: (incoming, { ids, nowMs }) => ({
    kind: 'preamble',
    data: JSON.stringify({
      id: flavourOf(incoming.slot).id(ids),
      object: 'chat.completion.chunk',
      created: Math.floor(nowMs / 1000),
      model: modelOf(incoming),
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
    }),
  }),
  failure: openaiFailure,
  failureEvents: openaiFailureEvents,
}

function* openaiEvents(incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const { body, slot } = incoming
  const flavour = flavourOf(slot)
  const { ids, nowMs, withUsage } = rendering
  const asked = fieldsOf(body.stream_options)?.include_usage === true
  const places = USAGE_PLACES[flavour.usage]
  const usage = withUsage ? usageOf(thought, flavour) : undefined
  const ownChunk = usage !== undefined && (places.own === 'always' || (places.own === 'asked' && asked))
  const base: Fields = {
    id: flavour.id(ids),
    object: 'chat.completion.chunk',
    created: Math.floor(nowMs / 1000),
    model: modelOf(incoming),
    ...flavour.extra,
  }
  const written = (chunk: Fields): string => {
    const padding =
      flavour.padding === undefined ? {} : { [flavour.padding]: ids.letters(1 + (ids.hex(1).charCodeAt(0) % 13)) }
    return JSON.stringify({ ...chunk, ...padding })
  }
  const chunkOf = (index: number, { delta, logprobs }: Step, first: boolean, finish: string | undefined): string => {
    const open = flavour.nullFinish ? { finish_reason: null } : {}
    const chances = logprobs === undefined ? (flavour.nullLogprobs ? { logprobs: null } : {}) : { logprobs }
    const choice = { index, delta, ...chances, ...(finish === undefined ? open : { finish_reason: finish }) }
    const spent = places.inline === 'every' || (places.inline === 'finish' && finish !== undefined) ? usage : undefined
    const place = { first, finish: finish !== undefined, usage: spent }
    const accounted = spent !== undefined ? { usage: spent } : ownChunk && asked ? { usage: null } : {}
    return written({ ...flavour.dress({ ...base, choices: [choice] }, place), ...accounted })
  }

  for (const comment of flavour.comments) yield { kind: 'preamble', data: comment, form: 'comment' }
  if (flavour.promptFilters !== undefined) {
    const empty = { choices: [], created: 0, id: '', model: '', object: '' }
    yield { kind: 'preamble', data: JSON.stringify({ ...empty, prompt_filter_results: flavour.promptFilters }) }
  }
  let first = true
  for (const [index, step] of interleaved(thought.choices.map((choice) => stepsOf(choice, incoming, rendering)))) {
    const data = chunkOf(index, step, first, step.finish)
    // Content and finish in one chunk.
    const joint = step.kind === 'content' && step.finish !== undefined
    if (joint) yield { kind: 'finish', data, unfinished: chunkOf(index, step, first, undefined) }
    else yield { kind: step.kind, data }
    first = false
  }
  if (flavour.usage === 'repeat' && usage !== undefined) {
    const repeated = {
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
      native_finish_reason: null,
    }
    yield { kind: 'usage', data: written({ ...base, choices: [repeated], usage }) }
  }
  if (ownChunk) yield { kind: 'usage', data: written({ ...base, choices: [], usage }) }
  if (flavour.done) yield { kind: 'end', data: '[DONE]' }
}

// Azure's older addresses name the model and its bodies need not.
function modelOf({ body, path }: Incoming): unknown {
  return body.model ?? /\/deployments\/([^/]+)/.exec(path)?.[1]
}

function usageOf({ choices, promptTokens, cachedTokens }: Thought, flavour: Flavour): Fields {
  const made = choices.reduce((sum, choice) => sum + choice.completionTokens, 0)
  const reasoned = choices.reduce((sum, choice) => sum + choice.reasoning.length, 0)
  const completion = flavour.countsReasoning ? made : made - reasoned
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completion,
    total_tokens: promptTokens + made,
    ...detailsOf(flavour.details, cachedTokens, reasoned),
    ...flavour.usageExtra({ prompt: promptTokens, completion, cached: cachedTokens }),
  }
}

function detailsOf(details: Flavour['details'], cached: number, reasoned: number): Fields {
  const prompt = { cached_tokens: cached }
  const completion = { reasoning_tokens: reasoned }
  switch (details) {
    case 'full':
      return {
        prompt_tokens_details: { ...prompt, audio_tokens: 0 },
        completion_tokens_details: {
          ...completion,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      }
    case 'slim':
      return { prompt_tokens_details: prompt, completion_tokens_details: completion }
    case 'cached':
      return { prompt_tokens_details: prompt }
    case 'null':
      return { prompt_tokens_details: null, completion_tokens_details: null }
    case 'none':
      return {}
  }
}

function openaiBody(incoming: Incoming, thought: Thought, rendering: Rendering): Fields {
  const { body, slot } = incoming
  const flavour = flavourOf(slot)
  const whole = {
    id: flavour.id(rendering.ids),
    object: 'chat.completion',
    created: Math.floor(rendering.nowMs / 1000),
    model: modelOf(incoming),
    ...flavour.extra,
    choices: thought.choices.map((choice, index) => ({
      index,
      message: messageOf(choice, flavour, rendering),
      logprobs:
        body.logprobs === true
          ? { content: choice.text.map((token) => logprobOf(token, incoming)), refusal: null }
          : null,
      finish_reason: FINISH_REASONS[choice.ending],
    })),
  }
  const filters = flavour.promptFilters === undefined ? {} : { prompt_filter_results: flavour.promptFilters }
  return { ...whole, ...filters, ...(rendering.withUsage ? { usage: usageOf(thought, flavour) } : {}) }
}

function messageOf(choice: Choice, flavour: Flavour, { ids }: Rendering): Fields {
  const text = choice.text.join('')
  const refusal = choice.refusal.join('')
  const reasoning = choice.reasoning.join('')
  const calls = choice.calls.map((call, index) => ({
    id: flavour.callId(ids, call.name, index),
    ...calledOf(call, call.fragments.join('')),
  }))
  const refused = flavour.reasoning === 'hidden' && refusal !== ''
  const content = refused || (calls.length > 0 && text === '') ? null : text + (refused ? '' : refusal)
  return {
    role: 'assistant',
    ...withReasoning(content, reasoning, flavour),
    ...(flavour.reasoning === 'hidden'
      ? { refusal: refused ? refusal : null, annotations: annotationsOf(choice) }
      : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }
}

function withReasoning(content: string | null, reasoning: string, flavour: Flavour): Fields {
  if (reasoning === '' || flavour.reasoning === 'hidden') return { content }
  if (flavour.reasoning === 'think-tags') return { content: `<think>\n${reasoning}\n</think>\n\n${content ?? ''}` }
  if (flavour.reasoning === 'reasoning-details')
    return { content, reasoning, reasoning_details: reasoningDetails(reasoning) }
  if (flavour.reasoning !== 'content-parts') return { content, [flavour.reasoning]: reasoning }
  const thinking = { type: 'thinking', thinking: [{ type: 'text', text: reasoning }] }
  return { content: content === null ? [thinking] : [thinking, { type: 'text', text: content }] }
}
