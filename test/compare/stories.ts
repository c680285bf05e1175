import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEMO_KEY } from '../harness/worker.ts'
import { type Difference, differencesOf } from './differences.ts'
import { NAMES_BY_PROVIDER } from './generated.ts'
import type { Bundles } from './lane.ts'
import { createNormalizer, type Part, partsOf } from './normalize.ts'
import { type CompareRequest, chatRequest } from './request.ts'
import { type Doing, type Setting, type Side, simulated, startSide } from './side.ts'
import type { Outcome } from './source.ts'
import { withoutWanted } from './wanted.ts'

/** Requests of which later ones depend on earlier ones: what is kept of them is health, limits, budgets and reasoning. */
interface Story {
  readonly name: string
  readonly setting: Setting
  readonly first: readonly CompareRequest[]
  /** Sent after the first ones, or after both sides have started anew with all that was stored. */
  readonly second: readonly CompareRequest[]
}

/** Reports to the region wait for a while, and so does what is stored. */
const REPORTED_MS = 3000
/** A difference counts if it is there each time that the story is told. */
const TELLINGS = 3

/** Tells each story to both versions; then again, its first part to the version before on both sides, as in an upgrade. */
export async function runStories(bundles: Bundles, only: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const story of [health(), limits()]) {
    for (const isUpgrade of [false, true]) {
      const name = `${story.name}${isUpgrade ? ', upgraded' : ''}`
      if (!`${name}/`.includes(only)) continue
      const tell = () => (isUpgrade ? tellUpgraded(story, bundles) : tellWhole(story, bundles))
      outcomes.push(await outcomeOf(name, story.first.length + story.second.length, tell))
    }
  }
  return outcomes
}

interface Told {
  readonly differences: readonly Difference[]
  readonly doings: readonly Doing[]
}

async function outcomeOf(name: string, requests: number, tell: () => Promise<Told>): Promise<Outcome> {
  const first = await tell()
  const { unwanted, wanted } = withoutWanted(first.differences)
  let steady = unwanted
  for (let times = 1; times < TELLINGS && steady.length > 0; times++) {
    const again = new Set((await tell()).differences.map(keyOf))
    steady = steady.filter((difference) => again.has(keyOf(difference)))
  }
  const statuses: Record<string, number> = {}
  for (const { answer } of first.doings) statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
  const upstreamRequests = first.doings.reduce((sum, { sent }) => sum + sent.length, 0)
  const unsteady = unwanted.filter((difference) => !steady.includes(difference))
  return {
    name,
    requests,
    differences: steady,
    unsteady,
    wanted,
    tally: { statuses, upstreamRequests, logLines: 0 },
  }
}

function keyOf({ request, part }: Difference): string {
  return `${request.name}\n${part}`
}

async function tellWhole({ setting, first, second }: Story, { before, after }: Bundles): Promise<Told> {
  const sides = [await startSide(before, setting), await startSide(after, setting)]
  try {
    const told = await tellPart(sides, first)
    await sleep(REPORTED_MS)
    const further = await tellPart(sides, second)
    return { differences: [...told.differences, ...further.differences], doings: [...told.doings, ...further.doings] }
  } finally {
    await Promise.all(sides.map((side) => side.stop()))
  }
}

async function tellUpgraded({ setting, first, second }: Story, { before, after }: Bundles): Promise<Told> {
  const folders = await Promise.all([1, 2].map(() => mkdtemp(path.join(os.tmpdir(), 'router9-story-'))))
  try {
    const old = await Promise.all(folders.map((state) => startSide(before, setting, { state })))
    const told = await tellPart(old, first)
    await sleep(REPORTED_MS)
    await Promise.all(old.map((side) => side.stop()))
    const files = [before, after]
    const now = await Promise.all(
      folders.map((state, at) => startSide(files[at] ?? '', setting, { state, values: old[at]?.values })),
    )
    const further = await tellPart(now, second)
    await Promise.all(now.map((side) => side.stop()))
    // The first part has the same version on both sides.
    return { differences: further.differences, doings: [...told.doings, ...further.doings] }
  } finally {
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  }
}

async function tellPart(sides: readonly Side[], requests: readonly CompareRequest[]): Promise<Told> {
  const differences: Difference[] = []
  const doings: Doing[] = []
  const calls = new Map<Side, string>()
  for (const request of requests) {
    const both = await Promise.all(
      sides.map(async (side) => {
        const made = calls.get(side) ?? '[]'
        const id = /"id":("[^"]*")/.exec(made)?.[1] ?? '""'
        const body = String(request.body ?? '')
          .replaceAll(LAST_CALL, made)
          .replaceAll('"call_x"', id)
        const doing = await side.ask(request.body === undefined ? request : { ...request, body })
        calls.set(side, /"tool_calls":(\[.*?\])[,}]/.exec(doing.answer.body)?.[1] ?? calls.get(side) ?? '')
        return doing
      }),
    )
    const [old = [], now = []] = both.map((doing, at) =>
      partsOf(doing, createNormalizer(sides[at]?.ports ?? [])).map(withoutTimes),
    )
    differences.push(...differencesOf(request, old, now))
    doings.push(...both.slice(0, 1))
  }
  return { differences, doings }
}

/** What was measured, or depends on the minute. */
function withoutTimes([name, text]: Part): Part {
  if (/ (retry-after(-ms)?|content-length)$/.test(name)) return [name, '…']
  const blurred = text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')
    .replace(/"ttft_ms":\{[^}]*\}/g, '"ttft_ms":…')
    // It falls back to the usual with time.
    .replace(/"success_rate":([\d.]+)/g, (_, rate) => `"success_rate":${Number(rate).toFixed(1)}`)
    .replace(/"tokens_per_second":(null|[\d.]+)/g, '"tokens_per_second":…')
    .replace(/"score":[\d.]+/g, '"score":…')
    .replace(/\d+(\.\d+)? ?(ms|s|seconds?)\b/g, '…')
  return [name, blurred]
}

/** In a body: the calls of the last answer that had some. */
const LAST_CALL = '"the last calls"'

/** What happens to each provider, six times. */
const BAD_MINUTES: Readonly<Record<string, string>> = {
  openai: 'status=500',
  mistral: 'status=503',
  groq: 'status=429 retryafter=40',
  anthropic: 'status=401',
  google: 'okhtml',
  cohere: 'errorfirst',
  deepseek: 'status=429 reason=quota',
  xai: 'cut=2',
  together: 'status=404',
  fireworks: 'status=400',
  azure: 'refuse',
  perplexity: 'errorafter=2',
  moonshot: 'emptyok',
  cerebras: 'nofinish',
  'workers-ai': 'status=403',
}
const TIMES = 6

function health(): Story {
  const get = (name: string): CompareRequest => ({
    name,
    method: 'GET',
    path: '/v1/providers',
    headers: { authorization: `Bearer ${DEMO_KEY}` },
  })
  const ask = (provider: string, at: string, order: string, more: object = {}, where = '/v1/chat/completions') => {
    const content = `Repeat exactly: one two three four five.${order === '' ? '' : ` [[sim ${provider} ${order}]]`}`
    const model = NAMES_BY_PROVIDER.get(provider)?.[0] ?? ''
    const body = { model, messages: [{ role: 'user', content }], ...more }
    return chatRequest(`${provider} ${at}`, body, { path: where })
  }
  const second = { models: ['openrouter/gpt-4o'] }
  const providers = Object.entries(BAD_MINUTES)
  return {
    name: 'health',
    setting: { upstream: simulated, vars: () => ({ HEALTH: 'on' }) },
    first: [
      ...providers.flatMap(([provider, order]) => [
        ask(provider, 'when well', ''),
        ...Array.from({ length: TIMES }, (_, at) => ask(provider, `fails ${at}`, order, { stream: at % 2 === 0 })),
        ask(provider, 'with a second model', order, second),
        ask(provider, 'its plan', '', second, '/v1/route'),
      ]),
      get('what is known'),
    ],
    second: [
      get('what is still known'),
      ...providers.flatMap(([provider]) => [
        ask(provider, 'its plan, later', '', second, '/v1/route'),
        ask(provider, 'later, with a second model', '', second),
        ask(provider, 'later', ''),
      ]),
      get('what is known in the end'),
    ],
  }
}

function limits(): Story {
  const keys: Readonly<Record<string, object>> = {
    'sk-r9k-none-a-minute': { limits: { rpm: 0 } },
    'sk-r9k-three-a-minute': { limits: { rpm: 3 } },
    'sk-r9k-fifty-tokens': { limits: { tpm: 50 } },
    'sk-r9k-poor-one': { limits: { budget: 0.000_01 } },
    'sk-r9k-rich-one': { limits: { rpm: 100, tpm: 100_000, budget: 100 } },
    'sk-r9k-shares-account': { account: 'key_-one', limits: { budget: 100 } },
  }
  const ask = (key: string, at: string, body: object) =>
    chatRequest(`${key} ${at}`, body, {
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    })
  const hello = { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Explain quantum computing.' }] }
  const talk = [{ role: 'user', content: 'What is the weather in Paris?' }]
  const tools = [
    {
      type: 'function',
      function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
    },
  ]
  const thinkers = [
    'deepseek/deepseek-v4-pro',
    'moonshot/kimi-k2-thinking',
    'google/gemini-2.5-flash',
    'openrouter/gpt-4o',
  ]
  const calling = thinkers.map((model) => ({ model, tools, messages: talk, tool_choice: 'required' }))
  const each = (part: string, times: number) =>
    Object.keys(keys).flatMap((key) =>
      Array.from({ length: times }, (_, at) => ask(key, `${part} ${at}`, { ...hello, stream: at % 2 === 1 })),
    )
  const rounds = (part: string) =>
    calling.flatMap((body) => [
      ask(DEMO_KEY, `${part} ${body.model} calls`, { ...body, reasoning_effort: 'high' }),
      chatRequest(
        `${part} ${body.model} goes on`,
        JSON.stringify({
          model: body.model,
          tools,
          messages: [
            ...talk,
            { role: 'assistant', content: null, tool_calls: 'the last calls' },
            { role: 'tool', tool_call_id: 'call_x', content: 'Rain.' },
          ],
        }),
      ),
    ])
  return {
    name: 'limits and reasoning',
    setting: { upstream: simulated, keys },
    first: [...each('first', 5), ...rounds('first')],
    second: [...each('later', 3), ...rounds('later')],
  }
}
