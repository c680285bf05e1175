import { checkCompletion, promptsOf } from './completions-checks.ts'
import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import { tokensOf } from './embeddings.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, listOf, numberOf, textOf } from './json.ts'
import { openai } from './openai.ts'
import { openaiFailure } from './openai-errors.ts'
import { FINISH_REASONS } from './openai-steps.ts'
import { readOrders } from './orders.ts'
import type { Choice, Prompt, Thought } from './prompt.ts'
import { think } from './think.ts'
import { tokenise } from './tokens.ts'
import { conversation, joined } from './turns.ts'

/** A piece of a choice. */
interface Piece {
  kind: WireEvent['kind']
  text: string[]
  finish: string | null
}

/** OpenAI's text completions, of all who have them; DeepSeek's are for filling in the middle. */
export const completions: Dialect = {
  name: 'openai-completions',
  lineEnding: ({ slot }) => flavourOf(slot).lineEnding,
  isStream: ({ body }) => body.stream === true,
  headers: openai.headers,
  check: checkCompletion,
  caches: () => false,
  read: readCompletion,
  events: completionEvents,
  body: completionBody,
  hollow: (incoming, rendering) => ({
    kind: 'preamble',
    data: JSON.stringify({ ...headOf(incoming, rendering), choices: [choiceOf(incoming, 0, nothing(null))] }),
  }),
  failure: openaiFailure,
  failureEvents: openai.failureEvents,
}

/** Mistral's completions fill in the middle, and are answered as chats are. */
export const mistralFim: Dialect = { ...openai, name: 'mistral-fim', check: checkCompletion, read: readCompletion }

/** So short are OpenAI's own answers where nobody asks for more. */
const DEFAULT_TOKENS = 16

function isOpenai({ slot }: Incoming): boolean {
  return slot === 'openai' || slot === 'azure'
}

/** Reads the request; the orders in any of the prompts count. */
function readCompletion(incoming: Incoming): Prompt {
  return readOne(incoming, joined(promptsOf(incoming).map((prompt) => prompt.text)))
}

/** The choices of every prompt, each answered on its own. */
function choicesOf(incoming: Incoming, thought: Thought): Choice[] {
  const prompts = promptsOf(incoming)
  if (prompts.length === 1) return thought.choices
  return prompts.flatMap(({ text }) => think(readOne(incoming, readOrders(text, incoming.slot).text)).choices)
}

function readOne(incoming: Incoming, text: string): Prompt {
  const { body } = incoming
  return {
    ...conversation('', [{ role: 'user', text: joined([text, textOf(body.suffix)]), attachments: [], results: [] }]),
    model: textOf(body.model),
    tools: [],
    toolChoice: 'none',
    parallelCalls: true,
    answerSchema: undefined,
    reasoning: 'off',
    announcesCalls: false,
    maxTokens: numberOf(body.max_tokens) || (isOpenai(incoming) ? DEFAULT_TOKENS : undefined),
    stop: typeof body.stop === 'string' ? [body.stop] : listOf(body.stop).map(textOf),
    choices: Math.min(Math.max(numberOf(body.n) ?? 1, 1), 128),
  }
}

function headOf(incoming: Incoming, { ids, nowMs }: Rendering): Fields {
  const { body, slot, path } = incoming
  return {
    id: isOpenai(incoming) ? `cmpl-${ids.letters(29)}` : flavourOf(slot).id(ids),
    object: slot === 'together' ? 'text.completion' : 'text_completion',
    created: Math.floor(nowMs / 1000),
    model: body.model ?? /\/deployments\/([^/]+)/.exec(path)?.[1],
    ...(slot === 'together' ? { prompt: [] } : {}),
    ...flavourOf(slot).extra,
  }
}

/** The tokens of a choice: those of its prompt first, where they are asked for. */
function tokensIn(incoming: Incoming, { text }: Choice, index: number): string[] {
  const { body } = incoming
  const written = body.max_tokens === 0 ? [] : text
  if (body.echo !== true) return written
  const each = Math.max(numberOf(body.n) ?? 1, 1)
  return [...tokenise(promptsOf(incoming)[Math.floor(index / each)]?.text ?? ''), ...written]
}

function nothing(finish: string | null): Piece {
  return { kind: 'finish', text: [], finish }
}

function choiceOf({ body }: Incoming, index: number, { text, finish }: Piece, offset = 0): Fields {
  const asked = numberOf(body.logprobs)
  const logprobs = asked === undefined || text.length === 0 ? null : logprobsOf(text, offset, asked)
  return { text: text.join(''), index, logprobs, finish_reason: finish }
}

/** The first token of all has nothing before it that could make it likely. */
function logprobsOf(tokens: readonly string[], offset: number, most: number): Fields {
  const starts = tokens.map((_, at) => offset + tokens.slice(0, at).join('').length)
  const chances = tokens.map((token, at) => (starts[at] === 0 ? null : -(token.length % 7) / 8))
  return {
    tokens,
    token_logprobs: chances,
    top_logprobs:
      most === 0 ? null : tokens.map((token, at) => (chances[at] === null ? null : { [token]: chances[at] })),
    text_offset: starts,
  }
}

function endingOf({ body }: Incoming, { ending }: Choice): string {
  return body.max_tokens === 0 ? 'length' : FINISH_REASONS[ending]
}

function usageOf(incoming: Incoming, choices: readonly Choice[]): Fields {
  const prompt = tokensOf(promptsOf(incoming))
  const written = incoming.body.max_tokens === 0 ? 0 : choices.reduce((sum, one) => sum + one.completionTokens, 0)
  return { prompt_tokens: prompt, completion_tokens: written, total_tokens: prompt + written }
}

function completionBody(incoming: Incoming, thought: Thought, rendering: Rendering): Fields {
  const made = choicesOf(incoming, thought)
  const choices = made.map((choice, index) =>
    choiceOf(incoming, index, {
      kind: 'content',
      text: tokensIn(incoming, choice, index),
      finish: endingOf(incoming, choice),
    }),
  )
  const usage = rendering.withUsage ? { usage: usageOf(incoming, made) } : {}
  return { ...headOf(incoming, rendering), choices, ...usage }
}

function* completionEvents(incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const head = headOf(incoming, rendering)
  const asked = fieldsOf(incoming.body.stream_options)?.include_usage === true
  const told = asked && rendering.withUsage
  const chunk = (choices: Fields[], usage: Fields | null): string =>
    JSON.stringify({ ...head, choices, ...(told ? { usage } : {}) })
  const made = choicesOf(incoming, thought)
  const lines = made.map((choice, index) => piecesOf(incoming, choice, { index, rendering }))
  const offsets = lines.map(() => 0)
  const longest = Math.max(...lines.map(({ length }) => length))
  for (let position = 0; position < longest; position += 1) {
    for (const [index, line] of lines.entries()) {
      const piece = line[position]
      if (piece === undefined) continue
      yield { kind: piece.kind, data: chunk([choiceOf(incoming, index, piece, offsets[index])], null) }
      offsets[index] = (offsets[index] ?? 0) + piece.text.join('').length
    }
  }
  if (told) yield { kind: 'usage', data: chunk([], usageOf(incoming, made)) }
  yield { kind: 'end', data: '[DONE]' }
}

function piecesOf(
  incoming: Incoming,
  choice: Choice,
  { index, rendering }: { index: number; rendering: Rendering },
): Piece[] {
  const tokens = tokensIn(incoming, choice, index)
  const size = Math.max(rendering.tokensPerEvent, 1)
  const pieces: Piece[] = []
  for (let at = 0; at < tokens.length; at += size) {
    pieces.push({ kind: 'content', text: tokens.slice(at, at + size), finish: null })
  }
  return [...pieces, nothing(endingOf(incoming, choice))]
}
