import type { OutputEvent } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { logRequest } from '../telemetry/log.ts'
import { observe } from '../telemetry/otlp-trace.ts'
import { answerBegun, answerEnded } from './attempt-report.ts'
import { closeBill } from './bill.ts'
import { addHeaders } from './call.ts'
import { type ClientWriter, createClientWriter, streamToClient } from './client-writer.ts'
import { createReasoningCollector } from './reasoning-collector.ts'
import {
  answerInputOf,
  askForAnswer,
  type ChatAnswer,
  finish,
  type RequestState,
  settlePrompt,
} from './request-state.ts'
import { streamResponse } from './respond.ts'
import { sendFailure } from './send-whole.ts'

/**
 * Answers with a stream: when its first meaningful event is there, or after the commit time, if that comes first (contract 4.6). A
 * client that has a 200 is told everything else in the stream.
 */
export async function sendStream(state: RequestState): Promise<Response> {
  const { context, bill } = state
  const { timeouts } = context.settings
  const asked = askForAnswer(state)
  const soon = await withTimeout(asked, timeouts.commitMs)
  // Nobody waits for a status any more; the provider may be read on for its usage.
  const result = soon === TIMED_OUT && context.clientDisconnect.hasHappened() ? await asked : soon
  if (result !== TIMED_OUT && !result.ok) return sendFailure(state, result.failure)
  const { readable, writable } = new IdentityTransformStream()
  const writer = createClientWriter(writable, {
    ...timeouts,
    keepAlive: context.format.keepAlive,
    keepAliveBegins: context.format.keepAliveBegins,
    onDisconnect: context.clientDisconnect.report,
  })
  if (result === TIMED_OUT) writer.keepAlive('now')
  context.waitUntil(
    (result === TIMED_OUT ? asked : Promise.resolve(result))
      .then(
        (late) => (late.ok ? streamAnswer(state, late.answer, writer) : sendStreamError(state, late.failure, writer)),
        () => sendStreamError(state, new Failure('internal', 'Router9 failed. Please try again.'), writer),
      )
      .finally(() => closeBill(bill)),
  )
  const response = streamResponse(readable, context.format.streamType)
  addHeaders(response.headers, state, result === TIMED_OUT ? undefined : result.answer)
  return response
}

async function streamAnswer(state: RequestState, committed: ChatAnswer, writer: ClientWriter): Promise<void> {
  const { context, reasoningCache, storage } = state
  const { answer, report } = committed
  const { target } = committed.deployment
  const { log } = context
  const { trace } = log
  answerBegun(report, answer)
  log.firstEventAt = Date.now()
  log.target = target
  const write = context.format.streamWriter(answerInputOf(state, target.model, target.deployment.provider))
  const collector = reasoningCache && createReasoningCollector()
  let broken: Failure | undefined
  const how = await streamToClient(
    answer,
    (event: OutputEvent) => {
      collector?.push(event)
      if (trace !== undefined) observe(trace, event)
      if (event.type === 'error') broken = event.failure
      else if (event.type === 'end') log.finishReason = event.finishes[0]?.reason
      return write(event)
    },
    writer,
    storage?.beforeEnd,
  )
  const hasLeft = how === 'left'
  const ending = broken ?? (hasLeft ? 'left' : 'complete')
  answerEnded(report, ending)
  finish(state, committed, ending, collector)
  logRequest(log, 200, broken, hasLeft || undefined)
  await answer.drained()
}

/** The answer was promised with a 200 and nobody began it: the stream says so (contract 4.5). */
async function sendStreamError(state: RequestState, failure: Failure, writer: ClientWriter): Promise<void> {
  const { context, chat } = state
  settlePrompt(state, failure)
  logRequest(context.log, 200, failure)
  try {
    const write = context.format.streamWriter(answerInputOf(state, chat.model))
    await writer.send(write({ type: 'error', failure }))
  } catch {
    // The client has disconnected, so nobody reads an answer.
  }
  await writer.close().catch(() => {})
}
