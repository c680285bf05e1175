import * as z from 'zod/mini'
import type { OutputEvent } from '../chat/event.ts'
import { parseJson } from '../chat/exact-json.ts'
import type { Chat, Message } from '../chat/request.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type ConversationDigest, createConversationDigest } from './conversation-digest.ts'

/**
 * Keeps what a model needs back of an assistant turn that called tools (signatures, reasoning), for clients that send only
 * OpenAI's fields back. Encrypted with the caller's own key, for an hour: whoever reads the store can read none of it.
 */

const KEPT_SECONDS = 3600
/** KV mostly answers in a few milliseconds; without an answer the turn goes on as well as it can. */
const RECALL_MS = 150
/** Tool rounds, counted from the last one, whose reasoning is looked for: each costs a read. */
const MAX_ROUNDS = 32
/** This isolate's own memory, for the next request that comes before KV has the last one. */
const MAX_HERE = 200
const MAX_HERE_CHARACTERS = 4 * 1024 * 1024
/** What is kept of one turn. */
const MAX_CHARACTERS = 256 * 1024
/** What is held of one answer until its end, arguments included. */
const MAX_SEEN_CHARACTERS = 1024 * 1024
/** As many answers as a request may ask for at once. */
const MAX_CHOICES = 128
/** Longer arguments are compared as they are written. */
const MAX_COMPARED_CHARACTERS = 32 * 1024
/** And what is longer than this as JSON, by the order of its members too. */
const MAX_SORTED_CHARACTERS = 4096

const savedReasoning = z.object({
  reasoning_content: z.optional(z.string()),
  reasoning_details: z.optional(z.array(z.looseObject({ type: z.string() }))),
  /** `extra_content` of each call, in their order; null where a call had none. */
  extras: z.array(z.unknown()),
})
/** What is kept of one turn. */
export type SavedReasoning = z.infer<typeof savedReasoning>

type Store = Pick<KVNamespace, 'get' | 'put'>

/** Whose thoughts they are, and where they are kept. */
export interface ReasoningCache {
  readonly store: Store
  /** The caller's bearer header: what is kept opens with it alone. */
  readonly authorization: string
}

interface Remembered {
  readonly thoughts: SavedReasoning
  readonly characters: number
}

const here = new Map<string, Remembered>()
let hereCharacters = 0

/** Watches an answer for thoughts that go with tool calls. */
export interface ReasoningCollector {
  readonly see: (said: OutputEvent) => void
  /** What is to be kept once the answer has ended: nothing of choices without thoughts, or without a call to keep them with. */
  readonly result: () => readonly Kept[]
}

interface Kept {
  readonly thoughts: SavedReasoning
  readonly calls: readonly Call[]
}

interface Call {
  readonly id: string
  readonly name: string
  /** As JSON text; of a custom tool its input. */
  readonly arguments: string
}

interface Turn {
  reasoning: string
  readonly details: { type: string }[]
  readonly calls: Map<number, { id: string; name: string; arguments: string; extra: unknown }>
}

export function createReasoningCollector(): ReasoningCollector {
  const turns = new Map<number, Turn>()
  // Of an answer beyond its bound nothing is kept, and what has piled up is let go.
  let characters = 0
  const turnAt = (choice: number): Turn => {
    const known = turns.get(choice)
    if (known !== undefined) return known
    const fresh: Turn = { reasoning: '', details: [], calls: new Map() }
    turns.set(choice, fresh)
    return fresh
  }
  const note = (said: OutputEvent) => {
    switch (said.type) {
      case 'reasoning':
        characters += said.text.length
        turnAt(said.choice).reasoning += said.text
        break
      case 'tool-start': {
        const { id, name, extra } = said
        const kept = extra?.extra_content ?? null
        characters += id.length + name.length + (kept === null ? 0 : sizeOf(kept))
        turnAt(said.choice).calls.set(said.index, { id, name, arguments: '', extra: kept })
        break
      }
      case 'tool-delta': {
        const call = turns.get(said.choice)?.calls.get(said.index)
        if (call === undefined) break
        characters += said.text.length
        call.arguments += said.text
        break
      }
      case 'extra': {
        const details = said.fields.reasoning_details
        if (!Array.isArray(details)) break
        characters += sizeOf(details)
        if (characters > MAX_SEEN_CHARACTERS) break
        const turn = turnAt(said.choice)
        for (const detail of details) turn.details.push(detail)
      }
    }
  }
  return {
    see: (said) => {
      if (characters > MAX_SEEN_CHARACTERS) return
      note(said)
      if (characters > MAX_SEEN_CHARACTERS || turns.size > MAX_CHOICES) {
        characters = Number.POSITIVE_INFINITY
        turns.clear()
      }
    },
    result: () => [...turns.values()].flatMap(keptOf),
  }
}

function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length
  } catch {
    // Nested so deeply that it does not go back into JSON.
    return Number.POSITIVE_INFINITY
  }
}

function keptOf({ reasoning, details, calls: called }: Turn): Kept[] {
  const calls = [...called.values()]
  const extras = calls.map(({ extra }) => extra)
  if (calls.length === 0) return []
  if (reasoning === '' && details.length === 0 && extras.every((extra) => extra === null)) return []
  const kept: SavedReasoning = {
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    extras,
  }
  return [{ thoughts: kept, calls }]
}

/** Of messages whose beginning has been read for `recall`, so that `keep` has only the rest to read. */
const digests = new WeakMap<readonly Message[], ConversationDigest>()

function digestOf(messages: readonly Message[]): ConversationDigest {
  return digests.get(messages) ?? createConversationDigest(messages)
}

/** Keeps the thoughts of an answer to this chat. Never rejects: without them the next turn still works. */
export async function saveReasoning(
  observer: ReasoningCollector,
  { messages }: Chat,
  { store, authorization }: ReasoningCache,
): Promise<void> {
  const all = observer.result()
  if (all.length === 0) return
  try {
    const before = await digestOf(messages).upTo(messages.length)
    const key = await sealingKey(authorization)
    await Promise.all(
      all.map(async ({ thoughts: kept, calls }) => {
        const name = await nameOf(authorization, before, calls)
        const text = JSON.stringify(kept)
        if (text.length > MAX_CHARACTERS) return
        remember(name, kept, text.length)
        // The isolate still has them, and clients that send their messages back whole need neither.
        await store.put(name, await seal(text, key), { expirationTtl: KEPT_SECONDS }).catch(() => {})
      }),
    )
  } catch {
    // Nested so deeply that it does not go back into JSON.
  }
}

function remember(name: string, kept: SavedReasoning, characters: number): void {
  hereCharacters += characters - (here.get(name)?.characters ?? 0)
  here.delete(name)
  here.set(name, { thoughts: kept, characters })
  for (const [oldest, { characters: freed }] of here) {
    if (here.size <= MAX_HERE && hereCharacters <= MAX_HERE_CHARACTERS) return
    here.delete(oldest)
    hereCharacters -= freed
  }
}

/** The chat with the thoughts of its current tool rounds filled in where the client has lost them; itself where none are. */
export async function restoreReasoning(chat: Chat, keeper: ReasoningCache): Promise<Chat> {
  const lost = lostTurns(chat.messages)
  if (lost.length === 0) return chat
  try {
    const digest = digestOf(chat.messages)
    const names: string[] = []
    for (const { at, calls } of lost) names.push(await nameOf(keeper.authorization, await digest.upTo(at), calls))
    const found = await findAll(names, keeper)
    const messages = found.some((one) => one !== undefined) ? [...chat.messages] : chat.messages
    // What is filled in has no part in the digest.
    digests.set(messages, digest)
    if (messages === chat.messages) return chat
    lost.forEach(({ at, message }, index) => {
      messages[at] = fill(message, found[index])
    })
    return { ...chat, messages }
  } catch {
    // Nested so deeply that it does not go back into JSON: whoever writes the provider's request says so.
    return chat
  }
}

interface LostTurn {
  readonly at: number
  readonly message: Message
  readonly calls: readonly Call[]
}

/** The turns since the user last spoke that called tools and have lost their thoughts, the earliest first. */
function lostTurns(messages: readonly Message[]): LostTurn[] {
  const lost: LostTurn[] = []
  let rounds = 0
  for (let at = messages.length - 1; at >= 0 && rounds < MAX_ROUNDS; at--) {
    const message = messages[at]
    if (message === undefined || message.role === 'user') break
    if (message.role !== 'assistant' || !message.tool_calls?.length) continue
    rounds++
    if (hasLostThoughts(message)) lost.push({ at, message, calls: callsOf(message) })
  }
  return lost.reverse()
}

function hasLostThoughts(message: Message): boolean {
  const { tool_calls, reasoning_details, reasoning_content, thinking_blocks } = message
  if (thinking_blocks || reasoning_details?.length || reasoning_content) return false
  return tool_calls?.every(({ extra_content }) => !extra_content) === true
}

function callsOf({ tool_calls }: Message): Call[] {
  return (tool_calls ?? []).map(({ id, function: called, custom }) => ({
    id,
    name: called?.name ?? custom?.name ?? '',
    arguments: called?.arguments ?? custom?.input ?? '',
  }))
}

function fill(message: Message, kept: SavedReasoning | undefined): Message {
  if (kept === undefined) return message
  const { reasoning_content, reasoning_details, extras } = kept
  return {
    ...message,
    ...(reasoning_content === undefined ? {} : { reasoning_content }),
    ...(reasoning_details === undefined ? {} : { reasoning_details }),
    tool_calls: message.tool_calls?.map((call, at) => (extras[at] ? { ...call, extra_content: extras[at] } : call)),
  }
}

async function findAll(
  names: readonly string[],
  keeper: ReasoningCache,
): Promise<readonly (SavedReasoning | undefined)[]> {
  let key: Promise<CryptoKey> | undefined
  return Promise.all(
    names.map((name) => {
      const own = here.get(name)
      if (own !== undefined) return own.thoughts
      key ??= sealingKey(keeper.authorization)
      return find(name, keeper.store, key)
    }),
  )
}

async function find(name: string, store: Store, key: Promise<CryptoKey>): Promise<SavedReasoning | undefined> {
  try {
    const sealed = await withTimeout(store.get(name, 'arrayBuffer'), RECALL_MS)
    if (sealed === TIMED_OUT || sealed === null) return undefined
    return savedReasoning.parse(parseJson(await open(sealed, await key)))
  } catch {
    return undefined
  }
}

/**
 * The name of what is kept: of the caller, all that stood before the turn, and the turn's calls. A provider that counts its
 * calls anew in each answer (`functions.f:0`) gives two conversations the same ids, and two choices of one answer too.
 */
async function nameOf(authorization: string, before: string, calls: readonly Call[]): Promise<string> {
  const told = calls.map(({ id, name, arguments: given }) => [id, name, comparable(given)])
  return `thought:${hex(await digest(JSON.stringify(['name', authorization, before, told])))}`
}

/** Arguments however a client writes them: many read them as JSON and write them anew. */
function comparable(text: string): string {
  if (text.length > MAX_COMPARED_CHARACTERS) return text
  try {
    const json = parseJson(text.trim() || '{}') ?? {}
    const plain = JSON.stringify(json)
    return plain.length > MAX_SORTED_CHARACTERS ? plain : JSON.stringify(json, sorted)
  } catch {
    return text
  }
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || JSON.isRawJSON(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function sealingKey(authorization: string): Promise<CryptoKey> {
  const key = await digest(JSON.stringify(['seal', authorization]))
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt'])
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
