import { parseJson } from '../chat/exact-json.ts'
import type { Chat, Message } from '../chat/request.ts'
import { sha256 } from '../platform/hex.ts'
import { type ConversationDigest, createConversationDigest } from './conversation-digest.ts'
import type { ConversationStore } from './conversation-store.ts'
import { type Call, type ReasoningCollector, type SavedReasoning, savedReasoning } from './reasoning-collector.ts'

/**
 * Keeps what a model needs back after it has called tools (signatures, reasoning), for clients that send only OpenAI's fields
 * back. It is kept for an hour in an object of the caller's key, encrypted.
 */

const KEPT_MS = 3_600_000
/** The object mostly answers in a few milliseconds, and later if it slept. Without it, the request goes on without the reasoning. */
const FIND_TIMEOUT_MS = 500
/** Nobody waits for it. */
const PUT_TIMEOUT_MS = 10_000
/** Reasoning is restored for this many tool rounds, counted from the last one: all are found in one call of the object. */
const MAX_ROUNDS = 32
/** The bounds of this isolate's own cache. It serves a request that comes before the object has what was saved. */
const MAX_CACHED_TURNS = 200
const MAX_CACHED_CHARACTERS = 4 * 1024 * 1024
/** A larger turn is not saved. */
const MAX_SAVED_CHARACTERS = 256 * 1024
/** Longer arguments are compared as text, not as JSON. */
const MAX_PARSED_CHARACTERS = 32 * 1024
/** In longer JSON, the order of members counts too. */
const MAX_SORTED_CHARACTERS = 4096

/** Where reasoning is saved, and for whom. */
export interface ReasoningCache {
  readonly store: Pick<ConversationStore, 'put' | 'find'>
  /** The caller's key: names in the store are made from it, so that nobody can guess them. */
  readonly key: string
  /** Claims memory for what is found; where it throws, the request goes on without. */
  readonly claim: (bytes: number) => void
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
  { store, key }: ReasoningCache,
): Promise<void> {
  const turns = collector.result()
  if (turns.length === 0) return
  try {
    const before = await digestOf(messages).upTo(messages.length)
    const expires = Date.now() + KEPT_MS
    const records = await Promise.all(
      turns.map(async ({ reasoning, calls }) => {
        const text = JSON.stringify(reasoning)
        if (text.length > MAX_SAVED_CHARACTERS) return []
        const id = await nameOf(key, before, calls)
        addToCache(id, reasoning, text.length)
        return { id, expires, parts: { output: text } }
      }),
    )
    // If the object fails, this isolate still has the reasoning, and many clients send it back themselves.
    const found = records.flat()
    if (found.length > 0) await store.put(found, PUT_TIMEOUT_MS)
  } catch {
    // The object failed, or a message is nested too deeply for JSON.stringify.
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
    for (const { at, calls } of lost) names.push(await nameOf(saved.key, await digest.upTo(at), calls))
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
  { store, claim }: ReasoningCache,
): Promise<readonly (SavedReasoning | undefined)[]> {
  const cached = names.map((name) => cache.get(name)?.reasoning)
  const wanted = names.flatMap((id, at) => (cached[at] === undefined ? { id, parts: ['output'] as const } : []))
  const found =
    wanted.length === 0 ? undefined : await store.find(wanted, FIND_TIMEOUT_MS, claim).catch(() => undefined)
  return names.map((name, at) => cached[at] ?? read(found?.records.get(name)?.parts.output))
}

function read(text: string | undefined): SavedReasoning | undefined {
  if (text === undefined) return undefined
  try {
    return savedReasoning.parse(parseJson(text))
  } catch {
    return undefined
  }
}

/**
 * The name in the store: a hash of the caller, all messages before the turn, and the turn's calls. The ids of calls are not
 * enough: some providers number them anew in each answer (`functions.f:0`), so two conversations or two choices have the same.
 */
async function nameOf(key: string, before: string, calls: readonly Call[]): Promise<string> {
  const compared = calls.map(({ id, name, arguments: text }) => [id, name, comparable(text)])
  return sha256(JSON.stringify(['name', key, before, compared]))
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
