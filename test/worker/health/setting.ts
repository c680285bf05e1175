import { expect, inject, onTestFinished } from 'vitest'
import { attemptsOf } from '../../harness/attempts.ts'
import { until } from '../../harness/until.ts'
import { DEMO_KEY, everyProviderAt, type RunningWorker, startWorker } from '../../harness/worker.ts'
import { type Simulator, startSimulator } from '../../simulator/server.ts'
import { type Behaviour, CONTROL_PATH, REPORT_PATH, type Seen, wrappedHealth } from './wrapped.ts'

/** Three models that do not reason, each at one provider; `auto` likes them in this order. */
export const MODELS = { openai: 'gpt-4o', mistral: 'mistral-large-2512', groq: 'llama-3.3-70b-instruct' } as const
/** What health calls the deployment of each. */
export const DEPLOYMENTS = {
  openai: 'openai/gpt-4o',
  mistral: 'mistral/mistral-large-2512',
  groq: 'groq/llama-3.3-70b-versatile',
} as const

/** A deployment as `GET /v1/providers` tells of it. */
export interface DeploymentEntry {
  readonly id: string
  readonly model: string
  readonly state: string
  readonly success_rate: number
  readonly ttft_ms: { readonly p50: number | null; readonly p95: number | null }
  readonly tokens_per_second: number | null
  readonly reason: string | null
  readonly until: string | null
}

export interface ProviderEntry {
  readonly id: string
  readonly object: 'provider'
  readonly state: string
  readonly deployments: readonly DeploymentEntry[]
}

/** Router9 with its health on, between a client and three providers. */
export interface Watched {
  readonly url: string
  readonly worker: RunningWorker
  readonly simulator: Simulator
  readonly post: (path: string, body: unknown, key?: string, signal?: AbortSignal) => Promise<Response>
  /** Asks `auto` to say something, read to its end. */
  readonly ask: (body?: Readonly<Record<string, unknown>>, key?: string) => Promise<Answered>
  readonly providers: () => Promise<ProviderEntry[]>
  /** What is known of a deployment; undefined where nothing is. */
  readonly known: (deployment: string) => Promise<DeploymentEntry | undefined>
  /** Of a wrapped Worker: changes how its object behaves. */
  readonly behave: (how: Behaviour) => Promise<Seen>
  /** Of a wrapped Worker: what its object answers to a report. */
  readonly report: (report: unknown) => Promise<unknown>
  readonly stop: () => Promise<void>
}

/** A whole answer and how it came to be. */
export interface Answered {
  readonly status: number
  readonly text: string
  /** The providers that were asked, in order, each with what came of it. */
  readonly attempts: readonly { readonly provider: string; readonly outcome: string }[]
  readonly reason: string | null
  readonly skipped: string | null
  readonly headers: Headers
  /** What Router9 spent before it asked anybody. */
  readonly routeMs: number
}

export interface Wanted {
  readonly vars?: Readonly<Record<string, string>>
  /** How the object behaves from the start; it is wrapped only where this is given. */
  readonly health?: Behaviour
  readonly state?: string
  /** Providers to configure beside the three. */
  readonly more?: readonly string[]
}

export async function startWatched({ vars = {}, health, state, more = [] }: Wanted = {}): Promise<Watched> {
  const simulator = await startSimulator()
  const settings = ['OPENAI', 'MISTRAL', 'GROQ', ...more]
  const all = Object.entries(everyProviderAt(simulator.url))
  const worker = await startWorker({
    file: inject('bundle'),
    vars: {
      ...Object.fromEntries(all.filter(([name]) => settings.includes(name.replace(/_(BASE_URL|API_KEY)$/, '')))),
      AUTO_MODELS: Object.values(MODELS).join(','),
      ...vars,
    },
    ...(health === undefined ? {} : { wrapper: wrappedHealth(health) }),
    ...(state === undefined ? {} : { state }),
  })
  return { ...clientOf(worker), worker, simulator, stop: () => worker.stop().then(() => simulator.close()) }
}

/** One for a test of its own, ended with it: such tests may run side by side while they wait. */
export async function watchedHere(wanted?: Wanted, finished: typeof onTestFinished = onTestFinished): Promise<Watched> {
  const router9 = await startWatched(wanted)
  finished(() => router9.stop())
  return router9
}

type Client = Omit<Watched, 'worker' | 'simulator' | 'stop'>

function clientOf({ url }: RunningWorker): Client {
  const headers = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })
  const post: Watched['post'] = (path, body, key = DEMO_KEY, signal) =>
    fetch(url + path, {
      method: 'POST',
      headers: headers(key),
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    })
  const providers = async () => {
    const response = await fetch(`${url}/v1/providers`, { headers: headers(DEMO_KEY) })
    return ((await response.json()) as { data: ProviderEntry[] }).data
  }
  return {
    url,
    post,
    ask: async (body = {}, key = DEMO_KEY) =>
      answered(await post('/v1/chat/completions', { model: 'auto', messages: say('well'), ...body }, key)),
    providers,
    known: async (deployment) =>
      (await providers()).flatMap(({ deployments }) => deployments).find(({ id }) => id === deployment),
    behave: async (how) => (await (await post(CONTROL_PATH, how)).json()) as Seen,
    report: async (report) => (await post(REPORT_PATH, report)).json(),
  }
}

/** A prompt that makes the simulator say just this. */
export function say(words: string): readonly { role: 'user'; content: string }[] {
  return [{ role: 'user', content: `Say: ${words}` }]
}

export async function answered(response: Response): Promise<Answered> {
  const { status, headers } = response
  return {
    status,
    text: await response.text(),
    attempts: attemptsOf(headers).map(attemptOf),
    // An answer of the first, or only, candidate gives no reason.
    reason: headers.get('x-router9-reason') ?? (headers.has('x-router9-provider') ? 'usual' : null),
    skipped: headers.get('x-router9-skipped'),
    headers,
    routeMs: Number(/route;dur=(\d+)/.exec(headers.get('server-timing') ?? '')?.[1] ?? Number.NaN),
  }
}

function attemptOf(text: string): { provider: string; outcome: string } {
  const [provider = '', outcome = ''] = text.split(':')
  return { provider, outcome }
}

/** The providers that were asked, in order. */
export function askedOf({ attempts }: Pick<Answered, 'attempts'>): string[] {
  return attempts.map(({ provider }) => provider)
}

/** Asks until an answer is as wanted; every one of them has to be a good one. All of them, the wanted one first. */
export async function askUntil(
  { ask }: Pick<Watched, 'ask'>,
  isIt: (answer: Answered) => boolean,
  body: Readonly<Record<string, unknown>> = {},
): Promise<readonly [Answered, ...Answered[]]> {
  const answers: Answered[] = []
  const wanted = await until(async () => {
    const answer = await ask(body)
    expect(answer.status, answer.text).toBe(200)
    answers.unshift(answer)
    return answer
  }, isIt)
  return [wanted, ...answers.slice(1)]
}

/** So many at once: enough to tell a fault from chance. */
export function burst({ ask }: Pick<Watched, 'ask'>, many: number, body = {}): Promise<Answered[]> {
  return Promise.all(Array.from({ length: many }, () => ask(body)))
}
