import type { Attachment, Prompt, ToolResult } from './prompt.ts'

const QUOTED_CHARACTERS = 200
const VOCABULARY = 'the quick brown fox jumps over a lazy dog while seven wise owls watch from an old oak tree'.split(
  ' ',
)

/** The usual apology. */
export const APOLOGY = "I'm sorry, but I can't help with that request."

// The first rule that fits answers.
const FACTS: [RegExp, string][] = [
  [
    /quantum computing/i,
    'Quantum computing uses qubits, which can be in superpositions of states and entangled with each other, to solve certain problems far faster than classical computers can.',
  ],
  [/capital of france/i, 'The capital of France is Paris.'],
  [/capital of (the )?(uk|united kingdom|england)/i, 'The capital of the United Kingdom is London.'],
  [/\bjoke\b/i, 'Why did the developer go broke? Because they used up all their cache.'],
  [/\bhaiku\b/i, 'Packets cross the night,\nnine doors open, one replies:\nmorning in the logs.'],
  [/who are you|what are you/i, 'I am a provider simulator: I answer like a language model, without being one.'],
  [/^\W*(hi|hello|hey|good (morning|evening|day))\b/i, 'Hello! How can I help you today?'],
  [/\bthank(s| you)\b/i, "You're welcome!"],
  [/^\W*(ping|test)\W*$/i, 'Pong. Everything works.'],
]

/** The literal text asked for by `Say: X` or `Repeat exactly: X`, and what stood before it. */
export function literalOf(text: string): { instruction: string; literal: string | undefined } {
  const match = /(?:^|[\s.;])(?:say|repeat exactly):\s?([\s\S]*)$/i.exec(text)
  if (match === null) return { instruction: text, literal: undefined }
  return { instruction: text.slice(0, match.index), literal: match[1] ?? '' }
}

/** A sensible text for the prompt. */
export function phrase(prompt: Prompt): string {
  const text = prompt.lastText
  const { literal } = literalOf(text)
  if (literal !== undefined) return literal
  if (prompt.toolResults.length > 0) return quoteResults(prompt.toolResults)
  const task = doTask(text)
  if (task !== undefined) return task
  if (/system prompt/i.test(text)) {
    return prompt.system === '' ? 'I have no system prompt.' : `My system prompt is: ${prompt.system}`
  }
  if (/what('s| is) my name/i.test(text)) return recallName(prompt.userTexts)
  const received = prompt.attachments.length > 0 ? `I received ${describe(prompt.attachments)}. ` : ''
  const fact = FACTS.find(([pattern]) => pattern.test(text))
  return `${received}${fact?.[1] ?? echo(text)}`
}

function doTask(text: string): string | undefined {
  const count = /count (?:from 1 )?to (\d+)/i.exec(text)
  if (count !== null) {
    return Array.from({ length: Math.min(Number(count[1]), 100_000) }, (_, index) => index + 1).join(', ')
  }
  const words = /write (\d+) words/i.exec(text)
  if (words !== null) {
    const length = Math.min(Number(words[1]), 200_000)
    return Array.from({ length }, (_, index) => VOCABULARY[index % VOCABULARY.length]).join(' ')
  }
  const sum = /(-?\d+)\s*([+*×-])\s*(-?\d+)/.exec(text)
  if (sum === null || text.length > 60) return undefined
  const [left, right] = [Number(sum[1]), Number(sum[3])]
  const result = sum[2] === '+' ? left + right : sum[2] === '-' ? left - right : left * right
  return `${sum[1]} ${sum[2]} ${sum[3]} = ${result}`
}

function recallName(userTexts: string[]): string {
  const name = /my name is (\p{L}+)/iu.exec(userTexts.join('\n'))?.[1]
  return name === undefined ? "You haven't told me your name." : `Your name is ${name}.`
}

function quoteResults(results: ToolResult[]): string {
  return results.map(({ name, text, isError }) => `${name} ${isError ? 'failed with' : 'answered'}: ${text}`).join('\n')
}

function echo(text: string): string {
  if (text.trim() === '') return 'I am ready when you are.'
  const quoted = [...text.trim()].slice(0, QUOTED_CHARACTERS).join('')
  return `You said: "${quoted}". This is a simulated answer.`
}

function describe(attachments: Attachment[]): string {
  return attachments.map(describeOne).join(' and ')
}

function describeOne({ kind, mediaType, bytes, url, name }: Attachment): string {
  const details = [name, mediaType, bytes === undefined ? undefined : `${bytes} bytes`, url]
  return `${kind === 'image' || kind === 'audio' ? 'an' : 'a'} ${kind} (${details.filter((detail) => detail !== undefined).join(', ')})`
}
