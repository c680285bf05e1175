import type { Dialect, ErrorReply, Incoming, Rendering, Trouble } from './dialect.ts'
import { writeCarelessly } from './embeddings-vectors.ts'
import { type Fields, listOf, textOf } from './json.ts'
import { estimateTokens } from './tokens.ts'
import { joined } from './turns.ts'

/** A text to embed, or the tokens that stand for one. */
export interface EmbeddingInput {
  /** The text, or the tokens as one. */
  text: string
  tokens: number
  isTokens: boolean
}

interface Parts {
  name: string
  headers?(incoming: Incoming, rendering: Rendering): Record<string, string>
  check(incoming: Incoming): Trouble | undefined
  inputs(incoming: Incoming): EmbeddingInput[]
  plain?(body: Fields): Fields
  body(incoming: Incoming, rendering: Rendering): unknown
  failure(incoming: Incoming, trouble: Trouble): ErrorReply
}

/** A dialect that answers texts with vectors; the orders in any of the texts count. */
export function embeddingDialect({ inputs, body, headers, ...parts }: Parts): Dialect {
  return {
    ...parts,
    headers: headers ?? (() => ({})),
    lineEnding: () => '\n',
    isStream: () => false,
    caches: () => false,
    read: (incoming) => {
      const texts = inputs(incoming).map(({ text }) => text)
      const orders = joined(texts.filter((text) => text.includes('[[sim')))
      return {
        model: textOf(incoming.body.model),
        system: '',
        userTexts: [],
        lastText: orders,
        requestText: '',
        resultsSinceRequest: 0,
        allText: '',
        attachments: [],
        toolResults: [],
        tools: [],
        toolChoice: 'auto',
        parallelCalls: true,
        answerSchema: undefined,
        reasoning: 'off',
        announcesCalls: false,
        maxTokens: undefined,
        stop: [],
        choices: 1,
      }
    },
    body: (incoming, _thought, rendering) => body(incoming, rendering),
    written: (whole, { vectors }) => writeCarelessly(whole, vectors),
    events: () => [],
    hollow: () => ({ kind: 'preamble', data: '' }),
    failureEvents: () => [],
  }
}

/** A text as an input. */
export function textInput(text: string): EmbeddingInput {
  return { text, tokens: estimateTokens(text), isTokens: false }
}

/** The inputs that a value holds: a text, texts, tokens or lists of tokens; nothing when it is none of them. */
export function readInputs(input: unknown): EmbeddingInput[] | undefined {
  if (typeof input === 'string') return [textInput(input)]
  const list = listOf(input)
  if (list.length > 0 && list.every(isToken)) return [tokenInput(list)]
  const inputs: EmbeddingInput[] = []
  for (const entry of list) {
    if (typeof entry === 'string') inputs.push(textInput(entry))
    else if (Array.isArray(entry) && entry.every(isToken)) inputs.push(tokenInput(entry))
    else return undefined
  }
  const mixed = inputs.some(({ isTokens }) => isTokens !== inputs[0]?.isTokens)
  return list.length === 0 || mixed ? undefined : inputs
}

function isToken(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0
}

function tokenInput(tokens: number[]): EmbeddingInput {
  return { text: `tokens ${tokens.join(' ')}`, tokens: tokens.length, isTokens: true }
}

/** How many tokens all of them are. */
export function tokensOf(inputs: readonly EmbeddingInput[]): number {
  return inputs.reduce((sum, { tokens }) => sum + tokens, 0)
}
