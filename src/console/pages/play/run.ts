import { type Signal, signal } from '@preact/signals'
import { askedLately } from '../../api/asked-lately.ts'
import { ApiError, ask, errorIn, modelKey, send } from '../../api/request.ts'
import { createSseReader, readText } from '../../api/sse.ts'
import { createTextLog, type TextLog } from '../../parts/text-log.ts'
import { type Draft, draft, type FormatName, type ToolCall } from './draft.ts'
import { type Piece, readAnswer, readEvent, type Tokens } from './readers.ts'
import { type PlayRequest, writePlanRequest, writeRequest } from './requests.ts'
import { type Json, readSettings, type Settings } from './settings.ts'

/** `failed`: no answer came. `broken`: one began and did not come to its end. */
export type RunState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed' | 'broken'

/** A part of the answer. What follows one another in the same place is one part. */
export interface Part {
  readonly id: string
  readonly kind: 'text' | 'reasoning' | 'refusal' | 'call'
  readonly log: TextLog
  readonly name?: string | undefined
  readonly callId?: string | undefined
}

export interface Plan {
  readonly last_resort: boolean
  readonly prompt_tokens_estimate: number
  readonly plan: readonly Candidate[]
  readonly left_out: readonly (Pick<Candidate, 'id'> & { readonly reason: string })[]
  /** Those that have been asked lately: of the others the plan has only what is supposed. */
  readonly asked: ReadonlySet<string>
}

interface Candidate {
  readonly id: string
  readonly state: string
  readonly success_rate: number | null
  readonly ttft_ms: { readonly p50: number | null }
  readonly tokens_per_second: number | null
}

/** One call, as `GET /v1/generation` tells it. */
export interface Generation {
  readonly total_cost: number
  readonly tokens_prompt: number
  readonly tokens_completion: number
  readonly native_tokens_reasoning: number
  readonly native_tokens_cached: number
  readonly provider_responses: readonly {
    readonly provider_name: string
    readonly model_permaslug: string
    readonly outcome: string
    readonly latency: number
  }[]
}

/** Times in milliseconds from the moment of sending. */
export interface Times {
  readonly headers?: number
  readonly first?: number
  readonly end?: number
}

/** One request at one model, from its sending on. */
export interface Run {
  readonly model: string
  readonly format: FormatName
  readonly request: PlayRequest
  readonly asksForStream: boolean
  readonly state: Signal<RunState>
  readonly parts: Signal<readonly Part[]>
  readonly citations: Signal<readonly { readonly title: string; readonly url: string }[]>
  /** Whether more parts or sources came than are kept. */
  readonly isCut: Signal<boolean>
  readonly finish: Signal<string | undefined>
  readonly error: Signal<ApiError | undefined>
  readonly status: Signal<number | undefined>
  readonly headers: Signal<readonly (readonly [string, string])[]>
  readonly times: Signal<Times>
  readonly tokens: Signal<Tokens>
  readonly plan: Signal<Plan | ApiError | undefined>
  readonly generation: Signal<Generation | ApiError | undefined>
  /** The response as it came. */
  readonly raw: TextLog
  readonly stop: () => void
}

const MAX_PARTS = 500
const MAX_CITATIONS = 100
/** When the call's own record is asked for, after its end: it is there a second or two later. */
const RECORD_AFTER_MS = [1500, 2500, 4000, 8000]

/** The answers on the page: one for each model of the last request. */
export const runs = signal<readonly Run[]>([])

/** Sends what is written now to each model, where it can be sent and nothing is under way. */
export function sendDraft(): void {
  const written = draft.peek()
  const settings = readSettings(written)
  if (Object.keys(settings.faults).length > 0 || runs.peek().some(isRunning)) return
  runs.value = written.models.map((model) => startRun(written, settings, model))
}

export function stopAll(): void {
  for (const run of runs.peek()) run.stop()
}

/** Sends the draft's request to a model. The run tells the rest. */
function startRun(written: Draft, settings: Settings, model: string): Run {
  const abort = new AbortController()
  const run: Run = {
    model,
    format: written.format,
    request: writeRequest(written, settings, model),
    asksForStream: written.stream,
    state: signal<RunState>('waiting'),
    parts: signal<readonly Part[]>([]),
    citations: signal([]),
    isCut: signal(false),
    finish: signal(undefined),
    error: signal(undefined),
    status: signal(undefined),
    headers: signal([]),
    times: signal<Times>({}),
    tokens: signal<Tokens>({}),
    plan: signal(undefined),
    generation: signal(undefined),
    raw: createTextLog(),
    stop: () => abort.abort(),
  }
  void askPlan(run, writePlanRequest(written, settings, model))
  void carryOut(run, abort.signal)
  return run
}

export function isRunning(run: Run): boolean {
  return run.state.value === 'waiting' || run.state.value === 'streaming'
}

/** The header of the response, once it is there. */
export function headerOf(run: Run, name: string): string | undefined {
  return run.headers.value.find(([one]) => one === name)?.[1]
}

/** What the model said, as a message to go on with. */
export function answerOf(run: Run): { text: string; calls: readonly ToolCall[] } {
  const parts = run.parts.peek()
  const text = parts.flatMap(({ kind, log }) => (kind === 'text' ? [log.text()] : [])).join('')
  const calls = parts.flatMap(({ kind, log, name, callId, id }) =>
    kind === 'call' ? [{ id: callId ?? `call_${id.replace(/\W/g, '_')}`, name: name ?? '', args: log.text() }] : [],
  )
  return { text, calls }
}

async function askPlan(run: Run, body: Json): Promise<void> {
  try {
    const key = modelKey()
    const [plan, asked] = await Promise.all([
      ask<Omit<Plan, 'asked'>>('/v1/route', { method: 'POST', body, key }),
      askedLately(key),
    ])
    run.plan.value = { ...plan, asked }
  } catch (error) {
    run.plan.value = error as ApiError
  }
}

async function carryOut(run: Run, signal: AbortSignal): Promise<void> {
  const began = performance.now()
  const at = () => performance.now() - began
  try {
    const { path, header, body } = run.request
    const response = await send(path, { method: 'POST', body, header, signal, key: modelKey() })
    run.status.value = response.status
    run.headers.value = [...response.headers]
    run.times.value = { headers: at() }
    if (!response.ok) await readFailure(run, response)
    else if (response.headers.get('content-type')?.startsWith('text/event-stream')) await readStream(run, response, at)
    else await readWhole(run, response, at)
  } catch (error) {
    if (signal.aborted) run.state.value = 'stopped'
    else fail(run, error instanceof ApiError ? error : new ApiError(0, { message: `The connection broke: ${error}` }))
  }
  run.times.value = { ...run.times.peek(), end: at() }
  if (run.status.peek() !== undefined) await askRecord(run)
}

async function readFailure(run: Run, response: Response): Promise<void> {
  const text = await response.text()
  run.raw.append(text)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // What is no JSON is in sight as it came.
  }
  fail(run, new ApiError(response.status, errorIn(answer, response.status)))
}

async function readWhole(run: Run, response: Response, at: () => number): Promise<void> {
  const text = await response.text()
  run.raw.append(text)
  run.times.value = { ...run.times.peek(), first: at() }
  run.state.value = 'streaming'
  createReceiver(run).receive(readAnswer(run.format, text))
  if (run.error.peek() === undefined) run.state.value = 'done'
}

async function readStream(run: Run, response: Response, at: () => number): Promise<void> {
  const stream = response.body
  if (stream === null) return fail(run, new ApiError(0, { message: 'The answer has no body.' }))
  const [readEvents, receiver] = [createSseReader(), createReceiver(run)]
  await readText(stream, (text) => {
    run.raw.append(text)
    for (const { data } of readEvents(text)) {
      const pieces = readEvent(run.format, data)
      if (run.times.peek().first === undefined && pieces.some(({ kind }) => kind !== 'usage')) {
        run.times.value = { ...run.times.peek(), first: at() }
        run.state.value = 'streaming'
      }
      receiver.receive(pieces)
    }
  })
  if (run.error.peek() !== undefined) return
  if (receiver.hasEnded()) run.state.value = 'done'
  else fail(run, new ApiError(0, { message: 'The stream stopped without its end: the answer is not complete.' }))
}

function fail(run: Run, error: ApiError): void {
  run.error.value = error
  run.state.value = run.parts.peek().length > 0 || run.state.peek() === 'streaming' ? 'broken' : 'failed'
}

/** Puts pieces where they belong. Only a new part draws the page anew; text goes into its own element. */
function createReceiver(run: Run): {
  receive: (pieces: readonly Piece[]) => void
  hasEnded: () => boolean
} {
  const parts = new Map<string, Part>()
  let hasEnded = false
  function partFor({ kind, at, ...piece }: Piece & { at: string }): Part | undefined {
    const id = `${kind}:${at}`
    const known = parts.get(id)
    if (known !== undefined) return known
    if (parts.size >= MAX_PARTS) {
      run.isCut.value = true
      return undefined
    }
    const { name, id: callId } = piece as { name?: string; id?: string }
    const part = { id, kind: kind as Part['kind'], log: createTextLog(), name, callId }
    parts.set(id, part)
    run.parts.value = [...run.parts.peek(), part]
    return part
  }
  function take(piece: Piece): void {
    switch (piece.kind) {
      case 'text':
      case 'reasoning':
      case 'refusal':
        if (piece.text !== '') partFor(piece)?.log.append(piece.text)
        break
      case 'call':
        partFor(piece)?.log.append(piece.text)
        break
      case 'citation':
        if (run.citations.peek().length < MAX_CITATIONS) run.citations.value = [...run.citations.peek(), piece]
        else run.isCut.value = true
        break
      case 'usage': {
        const known = Object.entries(piece.tokens).filter(([, value]) => value !== undefined)
        run.tokens.value = { ...run.tokens.peek(), ...Object.fromEntries(known) }
        break
      }
      case 'finish':
        run.finish.value = piece.reason
        break
      case 'error':
        fail(run, new ApiError(0, { message: piece.message, ...(piece.code !== undefined && { code: piece.code }) }))
        break
      case 'end':
        hasEnded = true
        break
      default:
        piece satisfies never
    }
  }
  return { receive: (pieces) => pieces.forEach(take), hasEnded: () => hasEnded }
}

async function askRecord(run: Run): Promise<void> {
  const id = headerOf(run, 'x-request-id')
  if (id === undefined) return
  for (const ms of RECORD_AFTER_MS) {
    await new Promise((resolve) => setTimeout(resolve, ms))
    try {
      const path = `/v1/generation?id=${encodeURIComponent(id)}`
      const { data } = await ask<{ data: Generation }>(path, { key: modelKey() })
      run.generation.value = data
      return
    } catch (error) {
      run.generation.value = error as ApiError
      // Where usage is not kept, asking again does not help.
      if (![0, 404, 503].includes((error as ApiError).status)) return
    }
  }
}
