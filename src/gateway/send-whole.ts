import type { Failure } from '../chat/failure.ts'
import { logRequest } from '../telemetry/log.ts'
import { observe } from '../telemetry/otlp-trace.ts'
import { notWritable } from './attempt.ts'
import { answerBegun, answerEnded } from './attempt-report.ts'
import { closeBill } from './bill.ts'
import { addHeaders, refuse } from './call.ts'
import { createReasoningCollector } from './reasoning-collector.ts'
import { answerInputOf, askForAnswer, finish, type RequestState, settlePrompt } from './request-state.ts'
import { jsonResponse } from './respond.ts'

/** Answers with one body, when all of the answer is there. */
export async function sendWhole(state: RequestState): Promise<Response> {
  const { context, reasoningCache, storage } = state
  const result = await askForAnswer(state)
  if (!result.ok) return sendFailure(state, result.failure)
  const { answer, deployment, report } = result.answer
  const { target } = deployment
  context.log.target = target
  answerBegun(report, undefined)
  const body = context.format.writeAnswer(answer.first, answerInputOf(state, target.model, target.deployment.provider))
  const collector = reasoningCache && createReasoningCollector()
  if (collector !== undefined) for (const event of answer.first) collector.push(event)
  const { trace } = context.log
  const last = answer.first.at(-1)
  if (last?.type === 'end') context.log.finishReason = last.finishes[0]?.reason
  if (trace !== undefined) for (const event of answer.first) observe(trace, event)
  answerEnded(report, 'complete')
  finish(state, result.answer, 'complete', collector)
  closeBill(state.bill)
  let text: string
  try {
    text = JSON.stringify(body)
  } catch {
    return sendFailure(state, notWritable())
  }
  if (storage !== undefined) text = await storage.beforeEnd(text)
  logRequest(context.log, 200)
  const response = jsonResponse(text)
  addHeaders(response.headers, state, result.answer)
  return response
}

/** Answers with an error in the client's format: nobody has begun an answer. */
export function sendFailure(state: RequestState, failure: Failure): Response {
  settlePrompt(state, failure)
  return refuse(state, failure)
}
