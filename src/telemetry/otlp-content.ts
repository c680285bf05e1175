import type { Finish, OutputEvent } from '../chat/event.ts'
import type { Message } from '../chat/request.ts'

/** So much of a prompt is sent, and so much of an answer: their end and their beginning. */
const MAX_CHARACTERS = 32 * 1024
/** A message, and each part of it, costs so much beside its text. */
const PART_CHARACTERS = 64
const MAX_NAME_CHARACTERS = 256

/** A part of a message, in the conventions' own form (`gen_ai.input.messages`). */
type Part = Readonly<Record<string, unknown>> & { readonly type: string }

/** Gives away room for texts, and cuts what does not fit. */
interface Room {
  left: number
}

function cut(room: Room, text: string): string {
  const kept = text.slice(0, Math.max(room.left, 0))
  room.left -= kept.length
  return kept
}

/** The messages of a prompt as JSON: the last ones, as far as there is room. */
export function inputMessages(messages: readonly Message[]): string {
  const room: Room = { left: MAX_CHARACTERS }
  const kept: object[] = []
  for (let at = messages.length - 1; at >= 0 && room.left > 0; at--) {
    const message = messages[at]
    room.left -= PART_CHARACTERS
    if (message !== undefined) kept.push({ role: message.role, parts: partsOf(message, room) })
  }
  return JSON.stringify(kept.reverse())
}

function partsOf(message: Message, room: Room): Part[] {
  const { role, content, reasoning_content: reasoning, tool_calls: calls, tool_call_id: id } = message
  const parts: Part[] = []
  const add = (create: () => Part) => {
    room.left -= PART_CHARACTERS
    if (room.left > 0) parts.push(create())
  }
  if (typeof reasoning === 'string') add(() => ({ type: 'reasoning', content: cut(room, reasoning) }))
  const contents = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
  for (const { type, text } of contents) {
    if (room.left <= 0) break
    if (role === 'tool') add(() => ({ type: 'tool_call_response', id: nameOf(id), response: cut(room, text ?? '') }))
    // Of pictures and files it says only that they were there.
    else
      add(() => (typeof text === 'string' ? { type: 'text', content: cut(room, text) } : { type: nameOf(type) ?? '' }))
  }
  for (const { id: callId, function: asked, custom } of calls ?? []) {
    if (room.left <= 0) break
    const name = nameOf(asked?.name ?? custom?.name)
    const given = asked?.arguments ?? custom?.input ?? ''
    add(() => ({ type: 'tool_call', id: nameOf(callId), name, arguments: cut(room, given) }))
  }
  return parts
}

function nameOf(text: unknown): string | undefined {
  return typeof text === 'string' ? text.slice(0, MAX_NAME_CHARACTERS) : undefined
}

/** Collects the text of an answer, as far as there is room. */
export interface OutputCollector {
  readonly push: (event: OutputEvent) => void
  /** The messages as JSON, one for each choice. */
  readonly messages: () => string
}

interface OpenMessage {
  text: string
  reasoning: string
  readonly calls: Map<number, { readonly id: string; readonly name: string; arguments: string }>
}

export function createOutputCollector(): OutputCollector {
  const room: Room = { left: MAX_CHARACTERS }
  const open = new Map<number, OpenMessage>()
  let finishes: readonly Finish[] = []
  const messageOf = (choice: number): OpenMessage => {
    const known = open.get(choice)
    if (known !== undefined) return known
    room.left -= PART_CHARACTERS
    const created: OpenMessage = { text: '', reasoning: '', calls: new Map() }
    open.set(choice, created)
    return created
  }
  return {
    push: (event) => {
      if (event.type === 'end') finishes = event.finishes
      if (room.left <= 0) return
      if (event.type === 'text' || event.type === 'refusal') messageOf(event.choice).text += cut(room, event.text)
      else if (event.type === 'reasoning') messageOf(event.choice).reasoning += cut(room, event.text)
      else if (event.type === 'tool-start') {
        room.left -= PART_CHARACTERS
        const call = { id: cut(room, event.id), name: cut(room, event.name), arguments: '' }
        messageOf(event.choice).calls.set(event.index, call)
      } else if (event.type === 'tool-delta') {
        const call = open.get(event.choice)?.calls.get(event.index)
        if (call !== undefined) call.arguments += cut(room, event.text)
      }
    },
    messages: () =>
      JSON.stringify(
        Array.from(open, ([choice, { text, reasoning, calls }]) => ({
          role: 'assistant',
          parts: [
            ...(reasoning === '' ? [] : [{ type: 'reasoning', content: reasoning }]),
            ...(text === '' ? [] : [{ type: 'text', content: text }]),
            ...Array.from(calls.values(), (call) => ({ type: 'tool_call', ...call })),
          ],
          // The conventions have one name for a call of a tool, and this word for a message that is not complete.
          finish_reason: finishOf(finishes.find((one) => one.choice === choice)),
        })),
      ),
  }
}

function finishOf(finish: Finish | undefined): string {
  const reason = finish?.reason ?? 'error'
  return reason === 'tool_calls' || reason === 'function_call' ? 'tool_call' : reason
}
