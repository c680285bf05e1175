import { inject } from 'vitest'
import { type AnswerChoice, type Router9Answer, readRouter9Body, readRouter9Stream } from '../conformance/answer.ts'
import { useStarted } from '../harness/use-started.ts'
import { ALLOW_ALL, DEMO_KEY, everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'
import { type Asked, type Script, type Scripted, startScripted } from './scripted.ts'

/** What is asked of the Worker beside a model and a greeting. */
export type Body = Readonly<Record<string, unknown>>

/** Where the two forms of an answer agree. */
interface Common {
  readonly status: number
  readonly headers: Headers
  readonly raw: string
}

/** An answer, streamed or whole, as a strict client reads it. */
export interface Answered extends Common {
  readonly answer: Router9Answer
  /** The first choice. */
  readonly choice: AnswerChoice
}

/** An answer that is an error by its status. */
export interface Refused extends Common {
  readonly error: Readonly<Record<string, unknown>>
}

/** The Worker with a scripted upstream in the place of every provider. */
export interface Case {
  readonly url: string
  readonly worker: RunningWorker
  readonly upstream: Scripted
  readonly post: (body: Body, headers?: Readonly<Record<string, string>>) => Promise<Response>
  /** Asks for a stream, of which every event must be right in form. */
  readonly streamed: (model: string, script: Script | readonly Script[], body?: Body) => Promise<Answered>
  /** Asks for a whole answer, which must be right in form. */
  readonly whole: (model: string, script: Script | readonly Script[], body?: Body) => Promise<Answered>
  /** Asks for what will be refused. */
  readonly refused: (model: string, script: Script | readonly Script[], body?: Body) => Promise<Refused>
  /** What the provider was asked with a whole request of the caller's. */
  readonly sent: (model: string, script: Script, body: Body) => Promise<Asked>
  readonly stop: () => Promise<void>
}

const MESSAGES = [{ role: 'user', content: 'Hello!' }]

type Vars = Readonly<Record<string, string>>

/**
 * The Worker of a test file: started before the first test, stopped after the last one.
 * @example const router9 = useCase()
 */
export function useCase(...given: Parameters<typeof startCase>): Case {
  return useStarted(() => startCase(...given))
}

/**
 * Starts the Worker for a file of cases, with health off: each case is about one request. Settings may depend on where the
 * scripted upstream is; a wrapper stands in the Worker's place (`WorkerOptions`).
 */
export async function startCase(vars: Vars | ((upstreamUrl: string) => Vars) = {}, wrapper?: string): Promise<Case> {
  const upstream = await startScripted()
  const own = typeof vars === 'function' ? vars(upstream.url) : vars
  const worker = await startWorker({
    file: inject('bundle'),
    vars: { ...everyProviderAt(upstream.url), ...ALLOW_ALL, HEALTH: 'off', ...own },
    ...(wrapper === undefined ? {} : { wrapper }),
  })
  const post: Case['post'] = (body, headers = {}) =>
    fetch(`${worker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const ask = async (model: string, script: Script | readonly Script[], body: Body): Promise<Common> => {
    upstream.play(...(Array.isArray(script) ? script : [script]))
    const response = await post({ model, messages: MESSAGES, ...body })
    return { status: response.status, headers: response.headers, raw: await response.text() }
  }
  const read = async (model: string, script: Script | readonly Script[], body: Body): Promise<Answered> => {
    const common = await ask(model, script, body)
    if (common.status !== 200) throw new Error(`status ${common.status}: ${common.raw}`)
    const includeUsage = body.stream_options !== undefined
    const answer =
      body.stream === true ? readRouter9Stream(common.raw, { includeUsage }) : readRouter9Body(JSON.parse(common.raw))
    const wrong = [...answer.problems, ...answer.roleProblems, ...answer.usageProblems]
    if (wrong.length > 0) throw new Error(`${wrong.join('; ')}\n${common.raw}`)
    return { ...common, answer, choice: firstOf(answer, common.raw) }
  }
  return {
    url: worker.url,
    worker,
    upstream,
    post,
    streamed: (model, script, body = {}) => read(model, script, { stream: true, ...body }),
    whole: (model, script, body = {}) => read(model, script, body),
    refused: async (model, script, body = {}) => {
      const common = await ask(model, script, body)
      return { ...common, error: JSON.parse(common.raw).error }
    },
    sent: async (model, script, body) => {
      const { status, raw } = await ask(model, script, body)
      const [asked] = upstream.asked()
      if (status !== 200 || asked === undefined) throw new Error(`status ${status}: ${raw}`)
      return asked
    },
    stop: async () => {
      await worker.stop()
      await upstream.close()
    },
  }
}

function firstOf({ choices }: Router9Answer, raw: string): AnswerChoice {
  const [choice] = choices
  if (choice === undefined) throw new Error(`an answer without a choice: ${raw}`)
  return choice
}

/** The chunks of a stream as they came, without [DONE]. */
export function chunksOf(raw: string): readonly Chunk[] {
  return raw
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)))
}

/** A chunk, as far as tests look into it. */
export interface Chunk {
  readonly usage?: Readonly<Record<string, unknown>> | null
  readonly error?: Readonly<Record<string, unknown>>
  readonly choices: readonly {
    readonly index: number
    readonly finish_reason: string | null
    readonly delta: {
      readonly role?: string
      readonly content?: string
      readonly tool_calls?: readonly { readonly index: number; readonly function?: { readonly arguments?: string } }[]
    }
  }[]
}
