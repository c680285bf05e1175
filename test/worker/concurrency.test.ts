import { expect, test } from 'vitest'
import { type Router9, useRouter9 } from '../harness/router9.ts'
import { seededChance } from '../simulator/ids.ts'
import { FAULT_KINDS } from './fault-kinds.ts'
import { faultsOfError, readStream, type SeenError } from './seen-stream.ts'

const STREAMS = 100
const SEED = 20261120
/** Models of every format and of providers that speak one of them in their own way, with their provider. */
const MODELS: readonly (readonly [model: string, provider: string])[] = [
  ['gpt-4o', 'openai'],
  ['claude-sonnet-4-5', 'anthropic'],
  ['gemini-2.5-flash', 'google'],
  ['mistral-large-2512', 'mistral'],
  ['command-a-03-2025', 'cohere'],
  ['grok-4.3', 'xai'],
  ['deepseek-v4-pro', 'deepseek'],
  ['gpt-4o', 'azure'],
  ['claude-sonnet-4-5', 'openrouter'],
  ['sonar-pro', 'perplexity'],
]
/** These do not reason, so that even their whole bodies are not waited for long (routing/deadline.ts). */
const QUICK: ReadonlySet<string> = new Set(['openai', 'mistral', 'cohere', 'azure'])

const patient = useRouter9()
const impatient = useRouter9({ FIRST_BYTE_TIMEOUT_MS: '1000', TOTAL_TIMEOUT_MS: '1500', IDLE_TIMEOUT_MS: '1000' })

interface Asked {
  readonly words: string
  readonly model: string
  readonly provider: string
  readonly stream: boolean
}

interface Answered extends Asked {
  readonly status: number
  readonly body: string
  readonly requestId: string | null
}

async function ask(router9: Router9, asked: Asked, order: string): Promise<Answered> {
  const response = await router9.chat({
    model: asked.model,
    provider: { only: [asked.provider] },
    messages: [{ role: 'user', content: `Repeat exactly: ${asked.words} [[sim * ${order}]]` }],
    stream: asked.stream,
  })
  const requestId = response.headers.get('x-request-id')
  return { ...asked, status: response.status, body: await response.text(), requestId }
}

function askedAt(number: number, streamOnly = true): Asked {
  const [model, provider] = MODELS[number % MODELS.length] ?? ['', '']
  const words = Array.from({ length: 10 + (number % 17) }, (_, at) => `w${number}x${at}`).join(' ')
  return { words, model, provider, stream: streamOnly || number % 3 !== 0 || !QUICK.has(provider) }
}

test('a hundred streams at once, of all formats, each get their own words under their own id', async () => {
  const all = await Promise.all(
    Array.from({ length: STREAMS }, (_, number) => ask(patient, askedAt(number), `tokendelay=${5 + (number % 11)}`)),
  )
  const ids = new Set<string>()
  for (const { body, words, model, provider } of all) {
    const stream = readStream(body)
    expect(stream.faults, provider).toEqual([])
    expect(stream.text, provider).toBe(words)
    expect(stream.done).toBe(true)
    expect(stream.chunks[0]?.model).toBe(model)
    expect(stream.chunks.length).toBeGreaterThan(5)
    ids.add(stream.chunks[0]?.id ?? '')
  }
  expect(ids.size).toBe(STREAMS)
  expect(new Set(all.map(({ requestId }) => requestId)).size).toBe(STREAMS)
})

test('a hundred answers at once under random faults are each whole, or broken as the contract says', {
  timeout: 40_000,
}, async () => {
  const chance = seededChance(SEED)
  const harmful = FAULT_KINDS.filter(({ refused, large }) => refused !== true && large !== true)
  const orders = Array.from({ length: STREAMS }, () => {
    const kind = harmful[Math.floor(chance() * harmful.length)]
    return chance() < 0.3 ? 'tokendelay=5' : (kind?.order ?? '')
  })
  const all = await Promise.all(orders.map((order, number) => ask(impatient, askedAt(number, false), order)))
  const outcomes = all.map((answered, number) => `${outcomeOf(answered)}`.replace('wrong', `wrong (${orders[number]})`))
  const counts = Object.fromEntries(
    ['whole', 'broken', 'refused'].map((name) => [name, outcomes.filter((outcome) => outcome === name).length]),
  )
  expect(outcomes.filter((outcome) => outcome.startsWith('wrong'))).toEqual([])
  for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(4)
  expect(impatient.worker.log()).not.toMatch(/uncaught|unhandled/i)
})

/** `whole`, `broken` or `refused` where it is as the contract wants, and otherwise what is wrong. */
function outcomeOf({ status, body, words, stream }: Answered): string {
  if (status !== 200) {
    const { error } = JSON.parse(body) as { error: SeenError }
    const faults = faultsOfError(error)
    return faults.length === 0 && status >= 400 ? 'refused' : `wrong: ${status} ${faults.join('; ')}`
  }
  if (!stream) {
    const content: unknown = JSON.parse(body).choices?.[0]?.message?.content
    return content === words ? 'whole' : `wrong: ${body.slice(0, 200)}`
  }
  const seen = readStream(body)
  if (seen.faults.length > 0) return `wrong: ${seen.faults.join('; ')}`
  if (seen.error === undefined) return seen.text === words ? 'whole' : `wrong: ${seen.text}`
  return words.startsWith(seen.text) && seen.text !== words ? 'broken' : `wrong: ${seen.text} and then an error`
}
