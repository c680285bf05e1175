import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { Settings } from '../env.ts'
import { patienceFor } from '../routing/deadline.ts'
import type { Target } from '../routing/plan.ts'
import { type Answer, attempt } from './attempt.ts'
import { summary } from './summary.ts'

/** As many targets are asked for one request, at most. */
const MAX_ATTEMPTS = 3
/** Whatever the attempts before have taken, one gets at least this part of its first-byte deadline. */
const LEAST_SHARE = 0.25
/** Before the only target there is gets asked again. */
const SAME_AGAIN_MS = { least: 100, most: 300 }

/** One attempt, for the trace and the log. */
export interface Attempted {
  readonly target: Target
  /** The status that the provider answered with, or the kind of the failure. */
  readonly outcome: string
  readonly ms: number
  readonly failure?: Failure
}

/** What asking the targets one after the other needs. */
export interface Beginning {
  readonly targets: readonly Target[]
  readonly chat: Chat
  readonly stream: boolean
  readonly settings: Settings
  readonly promptTokens: () => number
  /** A header of the client's request. */
  readonly header: (name: string) => string | null
  readonly gone: AbortSignal
  /** Grows as attempts end. */
  readonly trace: Attempted[]
}

/**
 * Asks the targets until one begins to answer (contract 6); the client sees nothing of those that failed.
 * @throws Failure where none did: the caller's own fault as it is, otherwise one that sums up all.
 */
export async function begin(beginning: Beginning): Promise<Answer> {
  const { targets, trace, gone } = beginning
  const started = Date.now()
  let left = [...targets]
  let asked = 0
  for (;;) {
    const target = left.shift()
    if (target === undefined || asked >= MAX_ATTEMPTS) break
    const at = Date.now()
    try {
      const last = left.length === 0 || asked + 1 >= MAX_ATTEMPTS
      const answer = await attempt(tryOf(beginning, target, at - started, last))
      trace.push({ target, outcome: '200', ms: Date.now() - at })
      return answer
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { upstreamStatus } = error.details
      trace.push({ target, outcome: String(upstreamStatus ?? error.kind), ms: Date.now() - at, failure: error })
      if (gone.aborted || !error.failover) throw error
      // What we refused ourselves has cost nobody anything.
      if (error.fault !== 'caller' || upstreamStatus !== undefined) asked++
      if (error.kind === 'context-length') left = left.filter((other) => isRoomier(other, target))
      if (targets.length === 1 && asked === 1 && isWorthAnotherTry(error, Date.now() - at)) {
        await sleep(SAME_AGAIN_MS.least + Math.random() * (SAME_AGAIN_MS.most - SAME_AGAIN_MS.least))
        left.push(target)
      }
    }
  }
  throw summary(trace)
}

function tryOf(beginning: Beginning, target: Target, spentMs: number, last: boolean) {
  const { chat, stream, settings, promptTokens, header, gone } = beginning
  const provider = settings.providers.get(target.deployment.provider)
  if (provider === undefined) throw new TypeError(`planned for a provider that is not configured`)
  const { firstByteMs } = patienceFor(settings.timeouts, stream, target.deployment.traits)
  // The most patient of the targets sets the patience for all; what is left after it is enough for a quick answer.
  const totalMs = Math.max(
    ...beginning.targets.map(({ deployment }) => patienceFor(settings.timeouts, stream, deployment.traits).totalMs),
  )
  const leftMs = Math.max(totalMs - spentMs, firstByteMs * LEAST_SHARE)
  const deadlineMs = last ? leftMs : Math.min(firstByteMs, leftMs)
  return { target, provider, chat, stream, timeouts: settings.timeouts, deadlineMs, promptTokens, header, gone }
}

function isRoomier({ deployment: { traits } }: Target, than: Target): boolean {
  return traits.contextTokens === 0 || traits.contextTokens > than.deployment.traits.contextTokens
}

/** With nobody else to ask, a failure that was quick and the provider's own may pass (cases R07, R09). */
function isWorthAnotherTry({ kind, fault, details }: Failure, ms: number): boolean {
  const { upstreamStatus: status, shouldRetry, retryAfterMs } = details
  // A model that wrote a call that does not fit its schema (Groq, tool_use_failed) may do better at once.
  const miswritten = kind === 'model-not-capable' && status !== undefined
  const passing =
    fault === 'provider' || miswritten || ((status === 503 || status === 504) && retryAfterMs === undefined)
  return passing && shouldRetry !== false && ms < 2000
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
