import type { ChatEvent } from '../../chat/event.ts'
import { type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { argumentsWithoutCall, hasArguments } from '../shared/tool-arguments.ts'
import type { AnswerState, Candidate, HeldCall } from './answer-state.ts'
import { createPartialCall } from './partial-call.ts'

/**
 * Reads a function call, or the next values of its arguments. It is held back until all of its event is read, because a
 * result in the same event would mean that Google has run it (translation 2.3).
 * @throws Failure for arguments without a function, and for more calls than any answer has.
 */
export function readCall(
  state: AnswerState,
  candidate: Candidate,
  call: JsonObject,
  signature: string | undefined,
): void {
  const name = toText(call.name)
  const continues = call.willContinue === true
  if (continues || call.partialArgs !== undefined || (name === undefined && candidate.partialCall)) {
    candidate.partialCall ??= createPartialCall(name ?? '', toText(call.id), signature)
    const values = jsonObjectsIn(call.partialArgs)
    candidate.partialCall.add(values)
    if (!continues && !values.some(({ willContinue }) => willContinue === true)) endPartialCall(state, candidate)
    return
  }
  endPartialCall(state, candidate)
  holdCall(state, candidate, { name: name ?? '', args: call.args, id: toText(call.id), signature })
}

/** Holds the call whose arguments arrived value by value: they are whole now. */
export function endPartialCall(state: AnswerState, candidate: Candidate): void {
  const { partialCall } = candidate
  candidate.partialCall = undefined
  if (partialCall === undefined) return
  const { name, id, signature } = partialCall
  holdCall(state, candidate, { name, args: partialCall.args(), id, signature })
}

/** Drops a held call whose result is in the same event: Google has run it, so the client must not. */
export function dropExecutedCall(state: AnswerState, { heldCalls }: Candidate, { id, name }: JsonObject): void {
  state.countResult()
  const at = heldCalls.findIndex((call) => (id && call.id ? call.id === id : call.name === name))
  if (at >= 0) heldCalls.splice(at, 1)
}

/** Gives out the held calls: those that the client has to run. */
export function releaseCalls(state: AnswerState, candidate: Candidate, events: ChatEvent[]): void {
  const { choice, heldCalls } = candidate
  if (heldCalls.length === 0) return
  candidate.heldCalls = []
  for (const { name, args, id, signature } of heldCalls) {
    const index = candidate.callsGiven++
    const extra =
      signature === undefined ? {} : { extra: { extra_content: { google: { thought_signature: signature } } } }
    events.push({ type: 'tool-start', choice, index, id: id ?? state.newId(), name, kind: 'function', ...extra })
    events.push({ type: 'tool-delta', choice, index, text: JSON.stringify(args ?? {}) })
  }
}

function holdCall(state: AnswerState, candidate: Candidate, call: HeldCall): void {
  if (call.name === '') {
    if (hasArguments(JSON.stringify(call.args ?? {}))) throw argumentsWithoutCall()
    return
  }
  state.countCall()
  candidate.heldCalls.push(call)
}
