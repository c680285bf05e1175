import { parseJson } from '../chat/exact-json.ts'
import type { Chat, Message } from '../chat/request.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type ConversationDigest, createConversationDigest } from './conversation-digest.ts'
import { type Call, type ReasoningCollector, type SavedReasoning, savedReasoning } from './reasoning-collector.ts'

/**
 * Keeps what a model needs back after it has called tools (signatures, reasoning), for clients that send only OpenAI's fields
 * back. It is kept for an hour, encrypted with a key made from the caller's key: somebody who can read KV cannot read it.
 */

const TTL_SECONDS = 3600
/** KV mostly answers in a few milliseconds. Without an answer, the request goes on without the reasoning. */
const KV_TIMEOUT_MS = 150
/** Reasoning is restored for this many tool rounds, counted from the last one. Each costs a read of KV. */
const MAX_ROUNDS = 32
/** The bounds of this isolate's own cache. It serves a request that comes before KV has what was saved. */
const MAX_CACHED_TURNS = 200
const MAX_CACHED_CHARACTERS = 4 * 1024 * 1024
/** A larger turn is not saved. */
const MAX_SAVED_CHARACTERS = 256 * 1024
/** Longer arguments are compared as text, not as JSON. */
const MAX_PARSED_CHARACTERS = 32 * 1024
/** In longer JSON, the order of members counts too. */
const MAX_SORTED_CHARACTERS = 4096

type Store = Pick<KVNamespace, 'get' | 'put'>

/** Where reasoning is saved, and for whom. */
export interface ReasoningCache {
  readonly store: Store
  /** The caller's `authorization` header: the encryption key is made from it. */
  readonly authorization: string
}

interface CachedTurn {
  readonly reasoning: SavedReasoning
  readonly characters: number
}

const cache = new Map<string, CachedTurn>()
let cachedCharacters = 0

/** Digests that `restoreReasoning` has begun, so that `saveReasoning` need only read the rest of the messages. */
const digests = new WeakMap<readonly Message[], ConversationDigest>()

function digestOf(messages: readonly Message[]): ConversationDigest {
  return digests.get(messages) ?? createConversationDigest(messages)
}

/** Saves the reasoning of an answer to this chat. Never rejects: without it, the next turn works as well. */
export async function saveReasoning(
  collector: ReasoningCollector,
  { messages }: Chat,
  { store, authorization }: ReasoningCache,
): Promise<void> {
  const turns = collector.result()
  if (turns.length === 0) return
  try {
    const before = await digestOf(messages).upTo(messages.length)
    const key = await encryptionKey(authorization)
    await Promise.all(
      turns.map(async ({ reasoning, calls }) => {
        const name = await nameOf(authorization, before, calls)
        const text = JSON.stringify(reasoning)
        if (text.length > MAX_SAVED_CHARACTERS) return
        addToCache(name, reasoning, text.length)
        // If KV fails, this isolate still has the reasoning, and many clients send it back themselves.
        await store.put(name, await encrypt(text, key), { expirationTtl: TTL_SECONDS }).catch(() => {})
      }),
    )
  } catch {
    // A message is nested too deeply for JSON.stringify.
  }
}

function addToCache(name: string, reasoning: SavedReasoning, characters: number): void {
  cachedCharacters += characters - (cache.get(name)?.characters ?? 0)
  cache.delete(name)
  cache.set(name, { reasoning, characters })
  for (const [oldest, { characters: freed }] of cache) {
    if (cache.size <= MAX_CACHED_TURNS && cachedCharacters <= MAX_CACHED_CHARACTERS) return
    cache.delete(oldest)
    cachedCharacters -= freed
  }
}

/** The chat with the reasoning of its current tool rounds restored where the client has lost it; the same chat if nothing is. */
export async function restoreReasoning(chat: Chat, saved: ReasoningCache): Promise<Chat> {
  const lost = lostTurns(chat.messages)
  if (lost.length === 0) return chat
  try {
    const digest = digestOf(chat.messages)
    const names: string[] = []
    for (const { at, calls } of lost) names.push(await nameOf(saved.authorization, await digest.upTo(at), calls))
    const found = await findAll(names, saved)
    const messages = found.some((one) => one !== undefined) ? [...chat.messages] : chat.messages
    // The digest does not include what is restored.
    digests.set(messages, digest)
    if (messages === chat.messages) return chat
    lost.forEach(({ at, message }, index) => {
      messages[at] = restore(message, found[index])
    })
    return { ...chat, messages }
  } catch {
    // A message is nested too deeply for JSON.stringify. The format that writes the provider's request reports it.
    return chat
  }
}

interface LostTurn {
  readonly at: number
  readonly message: Message
  readonly calls: readonly Call[]
}

/** The turns after the last user message that called tools and have lost their reasoning, the earliest first. */
function lostTurns(messages: readonly Message[]): LostTurn[] {
  const lost: LostTurn[] = []
  let rounds = 0
  for (let at = messages.length - 1; at >= 0 && rounds < MAX_ROUNDS; at--) {
    const message = messages[at]
    if (message === undefined || message.role === 'user') break
    if (message.role !== 'assistant' || !message.tool_calls?.length) continue
    rounds++
    if (hasLostReasoning(message)) lost.push({ at, message, calls: callsOf(message) })
  }
  return lost.reverse()
}

function hasLostReasoning(message: Message): boolean {
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

function restore(message: Message, saved: SavedReasoning | undefined): Message {
  if (saved === undefined) return message
  const { reasoning_content, reasoning_details, extras } = saved
  return {
    ...message,
    ...(reasoning_content === undefined ? {} : { reasoning_content }),
    ...(reasoning_details === undefined ? {} : { reasoning_details }),
    tool_calls: message.tool_calls?.map((call, at) => (extras[at] ? { ...call, extra_content: extras[at] } : call)),
  }
}

async function findAll(
  names: readonly string[],
  { store, authorization }: ReasoningCache,
): Promise<readonly (SavedReasoning | undefined)[]> {
  let key: Promise<CryptoKey> | undefined
  return Promise.all(
    names.map((name) => {
      const cached = cache.get(name)
      if (cached !== undefined) return cached.reasoning
      key ??= encryptionKey(authorization)
      return find(name, store, key)
    }),
  )
}

async function find(name: string, store: Store, key: Promise<CryptoKey>): Promise<SavedReasoning | undefined> {
  try {
    const encrypted = await withTimeout(store.get(name, 'arrayBuffer'), KV_TIMEOUT_MS)
    if (encrypted === TIMED_OUT || encrypted === null) return undefined
    return savedReasoning.parse(parseJson(await decrypt(encrypted, await key)))
  } catch {
    return undefined
  }
}

/**
 * The name in KV: a hash of the caller, all messages before the turn, and the turn's calls. The ids of calls are not enough:
 * some providers number them anew in each answer (`functions.f:0`), so two conversations or two choices have the same ids.
 */
async function nameOf(authorization: string, before: string, calls: readonly Call[]): Promise<string> {
  const compared = calls.map(({ id, name, arguments: text }) => [id, name, comparable(text)])
  return `thought:${hex(await digest(JSON.stringify(['name', authorization, before, compared])))}`
}

/** The same text for the same arguments: many clients parse them and write them again in another form. */
function comparable(text: string): string {
  if (text.length > MAX_PARSED_CHARACTERS) return text
  try {
    const json = parseJson(text.trim() || '{}') ?? {}
    const compact = JSON.stringify(json)
    return compact.length > MAX_SORTED_CHARACTERS ? compact : JSON.stringify(json, sortMembers)
  } catch {
    return text
  }
}

function sortMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || JSON.isRawJSON(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function encryptionKey(authorization: string): Promise<CryptoKey> {
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

async function encrypt(text: string, key: CryptoKey): Promise<ArrayBuffer> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const encrypted = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, new TextEncoder().encode(text))
  const whole = new Uint8Array(IV_BYTES + encrypted.byteLength)
  whole.set(iv)
  whole.set(new Uint8Array(encrypted), IV_BYTES)
  return whole.buffer
}

async function decrypt(whole: ArrayBuffer, key: CryptoKey): Promise<string> {
  const iv = whole.slice(0, IV_BYTES)
  return new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, whole.slice(IV_BYTES)))
}
