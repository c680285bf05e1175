import { decideCalls } from './calls.ts'
import { APOLOGY, literalOf, phrase } from './phrase.ts'
import type { Call, Choice, Ending, Prompt, Thought } from './prompt.ts'
import type { CacheUse } from './prompt-cache.ts'
import { materialOf, sample } from './sample.ts'
import { nextOf, type PlannedCall } from './script.ts'
import { CITATION } from './search.ts'
import { estimateTokens, tokenise } from './tokens.ts'

const FRAGMENT_CHARACTERS = 7
const DEEPER = [
  'First I look at what is asked and which facts I need.',
  'Then I weigh the possible answers against each other.',
  'Finally I check that the answer is complete and correct.',
]
const DEPTH = { low: 0, medium: 1, high: 3 }

interface Draft {
  plan: string
  text: string
  refusal: string
  calls: PlannedCall[]
  search?: string
  ending: Ending
}

/** What a model would answer to the prompt; the same prompt always gets the same answer. */
export function think(prompt: Prompt, giantCharacters = 0, cache?: CacheUse): Thought {
  const promptTokens = estimateTokens(prompt.allText)
  const cached = /\bcache\b/i.test(prompt.lastText) ? Math.floor(promptTokens / 2) : 0
  const choices = Array.from({ length: prompt.choices }, (_, index) => answer(prompt, index, giantCharacters))
  const cachedTokens = Math.max(cached, cache?.readTokens ?? 0)
  const cacheWriteTokens = Math.min(cache?.writtenTokens ?? 0, promptTokens - cachedTokens)
  return { choices, promptTokens, cachedTokens, cacheWriteTokens }
}

function answer(prompt: Prompt, index: number, giantCharacters: number): Choice {
  const draft = draftOf(prompt)
  if (index > 0 && draft.text !== '' && literalOf(prompt.lastText).literal === undefined && !prompt.answerSchema) {
    draft.text += ` (choice ${index + 1})`
  }
  const stopped = stopAt(draft.text, prompt.stop)
  const text = tokenise(stopped.text)
  if (giantCharacters > 0) text.splice(Math.min(1, text.length), 0, 'x'.repeat(giantCharacters))
  return limit(
    {
      reasoning: tokenise(muse(prompt)),
      plan: tokenise(draft.plan),
      text,
      refusal: tokenise(draft.refusal),
      ...(draft.search === undefined ? {} : { search: draft.search }),
      calls: draft.calls.map(({ arguments: text, ...call }) => ({
        ...call,
        fragments: fragment(text),
        complete: true,
      })),
      ending: stopped.sequence === undefined ? draft.ending : 'stop-sequence',
      stopSequence: stopped.sequence,
      completionTokens: 0,
    },
    prompt.maxTokens,
  )
}

function draftOf(prompt: Prompt): Draft {
  const silent: Draft = { plan: '', text: '', refusal: '', calls: [], ending: 'stop' }
  const { instruction, literal } = literalOf(prompt.lastText)
  if (/\brefuse\b/i.test(instruction)) return { ...silent, refusal: APOLOGY, ending: 'refusal' }
  if (/\bcontent filter\b/i.test(instruction)) return { ...silent, text: literal ?? '', ending: 'content-filter' }
  const ordered = prompt.script === undefined ? undefined : nextOf(prompt.script, prompt)
  const told = ordered !== undefined && 'text' in ordered ? ordered : undefined
  const scripted = ordered !== undefined && 'calls' in ordered ? ordered.calls : []
  const calls = scripted.length > 0 || told !== undefined ? scripted : decideCalls(prompt, instruction)
  if (calls.length > 0) {
    const plan = prompt.announcesCalls ? `I will use ${[...new Set(calls.map(({ name }) => name))].join(' and ')}.` : ''
    return { ...silent, plan, calls, ending: 'tool-calls' }
  }
  const text = told?.text ?? phrase(prompt)
  const { searchQuery: search } = prompt
  if (search !== undefined) return { ...silent, text: `${text} ${CITATION}`, search }
  if (prompt.answerSchema === undefined || literal !== undefined || told?.isGiven === true) return { ...silent, text }
  const object = prompt.answerSchema === true ? { answer: text } : sample(prompt.answerSchema, materialOf(instruction))
  return { ...silent, text: JSON.stringify(object) }
}

function muse(prompt: Prompt): string {
  if (prompt.reasoning === 'off') return ''
  const topic = [...prompt.lastText].slice(0, 60).join('') || 'the tool results'
  return [`The user asks about: ${topic}.`, ...DEEPER.slice(0, DEPTH[prompt.reasoning])].join(' ')
}

function stopAt(text: string, sequences: string[]): { text: string; sequence: string | undefined } {
  let found: { at: number; sequence: string } | undefined
  for (const sequence of sequences) {
    const at = sequence === '' ? -1 : text.indexOf(sequence)
    if (at >= 0 && (found === undefined || at < found.at)) found = { at, sequence }
  }
  return found === undefined
    ? { text, sequence: undefined }
    : { text: text.slice(0, found.at), sequence: found.sequence }
}

function fragment(json: string): string[] {
  const characters = [...json]
  const pieces: string[] = []
  for (let start = 0; start < characters.length; start += FRAGMENT_CHARACTERS) {
    pieces.push(characters.slice(start, start + FRAGMENT_CHARACTERS).join(''))
  }
  return pieces
}

// Reasoning is paid from the same limit as the answer, so a small limit may leave no word of it.
function limit(choice: Choice, maxTokens: number | undefined): Choice {
  let left = maxTokens ?? Number.POSITIVE_INFINITY
  let cut = false
  const take = (tokens: string[]): string[] => {
    if (tokens.length > left) cut = true
    const kept = tokens.slice(0, left)
    left -= kept.length
    return kept
  }
  const reasoning = take(choice.reasoning)
  const plan = take(choice.plan)
  const text = take(choice.text)
  const refusal = take(choice.refusal)
  const calls: Call[] = []
  for (const call of choice.calls) {
    const fragments = take(call.fragments)
    if (fragments.length > 0) calls.push({ ...call, fragments, complete: fragments.length === call.fragments.length })
  }
  const all = [reasoning, plan, text, refusal, ...calls.map(({ fragments }) => fragments)]
  const completionTokens = all.reduce((sum, tokens) => sum + tokens.length, 0)
  const ending = cut ? 'length' : choice.ending
  return { ...choice, reasoning, plan, text, refusal, calls, ending, completionTokens }
}
