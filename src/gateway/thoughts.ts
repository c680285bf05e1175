import * as z from 'zod/mini'
import type { Said } from '../chat/event.ts'
import type { Chat, Message } from '../chat/request.ts'
import { LATE, orLate } from './race.ts'

/**
 * Keeps what a model needs back of an assistant turn that called tools (signatures, reasoning), for clients that send only
 * OpenAI's fields back. Encrypted with the caller's own key, for an hour: whoever reads the store can read none of it.
 */

const KEPT_SECONDS = 3600
/** KV mostly answers in a few milliseconds; without an answer the turn goes on as well as it can. */
const RECALL_MS = 150
/** This isolate's own memory, for the next request that comes before KV has the last one. */
const MAX_HERE = 200
const MAX_CHARACTERS = 256 * 1024

const thoughts = z.object({
  reasoning_content: z.optional(z.string()),
  reasoning_details: z.optional(z.array(z.looseObject({ type: z.string() }))),
  /** `extra_content` of each call, in their order; null where a call had none. */
  extras: z.array(z.unknown()),
})
/** What is kept of one turn. */
export type Thoughts = z.infer<typeof thoughts>

type Store = Pick<KVNamespace, 'get' | 'put'>

/** Whose thoughts they are, and where they are kept. */
export interface Keeper {
  readonly store: Store
  /** The caller's bearer header: what is kept opens with it alone. */
  readonly authorization: string
}

const here = new Map<string, Thoughts>()

/** Watches an answer for thoughts that go with tool calls. */
export interface Observer {
  readonly see: (said: Said) => void
  /** What is to be kept once the answer has ended; undefined where there is nothing, or no call to keep it with. */
  readonly result: () => { thoughts: Thoughts; call: Call } | undefined
}

interface Call {
  readonly id: string
  readonly name: string
}

export function createObserver(): Observer {
  let reasoning = ''
  const details: { type: string }[] = []
  const calls: (Call & { extra: unknown })[] = []
  return {
    see: (said) => {
      if (said.type === 'reasoning' && reasoning.length < MAX_CHARACTERS) reasoning += said.text
      else if (said.type === 'tool-start') calls.push({ ...said, extra: said.extra?.extra_content ?? null })
      else if (said.type === 'extra' && Array.isArray(said.fields.reasoning_details)) {
        details.push(...said.fields.reasoning_details)
      }
    },
    result: () => {
      const [call] = calls
      const extras = calls.map(({ extra }) => extra)
      if (call === undefined || (reasoning === '' && details.length === 0 && extras.every((extra) => extra === null))) {
        return undefined
      }
      const kept: Thoughts = {
        ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
        ...(details.length === 0 ? {} : { reasoning_details: details }),
        extras,
      }
      return { thoughts: kept, call }
    },
  }
}

/** Keeps the thoughts of an answer to this chat. Never rejects: without them the next turn still works. */
export async function keep(observer: Observer, chat: Chat, { store, authorization }: Keeper): Promise<void> {
  const result = observer.result()
  if (result === undefined) return
  const text = JSON.stringify(result.thoughts)
  if (text.length > MAX_CHARACTERS) return
  const { name, key } = await secretsOf(authorization, chat.messages, result.call)
  here.set(name, result.thoughts)
  const oldest = here.keys().next()
  if (here.size > MAX_HERE && oldest.done !== true) here.delete(oldest.value)
  try {
    await store.put(name, await seal(text, key), { expirationTtl: KEPT_SECONDS })
  } catch {
    // The isolate still has them, and clients that send their messages back whole need neither.
  }
}

/** The chat with the thoughts of its current tool rounds filled in where the client has lost them; itself where none are. */
export async function recall(chat: Chat, keeper: Keeper): Promise<Chat> {
  const lastUser = chat.messages.findLastIndex(({ role }) => role === 'user')
  const lost = chat.messages.flatMap((message, at) => (at > lastUser && hasLostThoughts(message) ? at : []))
  if (lost.length === 0) return chat
  const found = await Promise.all(lost.map((at) => find(chat.messages, at, keeper)))
  if (found.every((one) => one === undefined)) return chat
  const messages = chat.messages.map((message, at) => fill(message, found[lost.indexOf(at)]))
  return { ...chat, messages }
}

function hasLostThoughts(message: Message): boolean {
  const { role, tool_calls, reasoning_details, reasoning_content, thinking_blocks } = message
  if (role !== 'assistant' || !tool_calls?.length || thinking_blocks) return false
  return !reasoning_details?.length && !reasoning_content && tool_calls.every(({ extra_content }) => !extra_content)
}

function fill(message: Message, kept: Thoughts | undefined): Message {
  if (kept === undefined) return message
  const { reasoning_content, reasoning_details, extras } = kept
  return {
    ...message,
    ...(reasoning_content === undefined ? {} : { reasoning_content }),
    ...(reasoning_details === undefined ? {} : { reasoning_details }),
    tool_calls: message.tool_calls?.map((call, at) => (extras[at] ? { ...call, extra_content: extras[at] } : call)),
  }
}

async function find(messages: readonly Message[], at: number, keeper: Keeper): Promise<Thoughts | undefined> {
  const call = messages[at]?.tool_calls?.[0]
  if (call === undefined) return undefined
  const asked = { id: call.id, name: call.function?.name ?? call.custom?.name ?? '' }
  const { name, key } = await secretsOf(keeper.authorization, messages.slice(0, at), asked)
  const own = here.get(name)
  if (own !== undefined) return own
  try {
    const sealed = await orLate(keeper.store.get(name, 'arrayBuffer'), RECALL_MS)
    if (sealed === LATE || sealed === null) return undefined
    return thoughts.parse(JSON.parse(await open(sealed, key)))
  } catch {
    return undefined
  }
}

/**
 * The name and the key of what is kept. Some providers count their calls anew in each answer (`functions.f:0`), so the
 * last thing the user said goes into the name beside the call's id.
 */
async function secretsOf(authorization: string, before: readonly Message[], { id, name }: Call) {
  const user = before.findLast(({ role }) => role === 'user')
  const [hash, key] = await Promise.all([
    digest(JSON.stringify(['name', authorization, id, name, user?.content ?? null])),
    digest(JSON.stringify(['seal', authorization])),
  ])
  return {
    name: `thought:${hex(hash)}`,
    key: await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']),
  }
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const IV_BYTES = 12

async function seal(text: string, key: CryptoKey): Promise<ArrayBuffer> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, new TextEncoder().encode(text))
  const whole = new Uint8Array(IV_BYTES + sealed.byteLength)
  whole.set(iv)
  whole.set(new Uint8Array(sealed), IV_BYTES)
  return whole.buffer
}

async function open(whole: ArrayBuffer, key: CryptoKey): Promise<string> {
  const iv = whole.slice(0, IV_BYTES)
  return new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, whole.slice(IV_BYTES)))
}
