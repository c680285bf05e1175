import type { KeyRecord } from '../access/keys.ts'
import type { Chat, Message } from '../chat/request.ts'
import type { HeaderReader } from '../formats/format.ts'
import { sha256 } from '../platform/hex.ts'
import type { RankedSession } from '../routing/candidate.ts'
import { hashOf } from '../routing/hash.ts'
import { createSessionMemory } from '../routing/session-memory.ts'

/** A conversation, or a user's or an agent's run of several: its requests begin with the same text, which a provider caches. */
export interface Session extends RankedSession {
  /** Whose key it was. The same identity at another account is another session. */
  readonly account: string
  /** What the client calls it; undefined where it is told by its first message. It goes to no provider and into no log. */
  readonly id: string | undefined
}

/** What a session is known by. */
export interface SessionInput {
  /** What a header names it; empty where none does. */
  readonly named: string
  readonly body: Readonly<Record<string, unknown>>
  readonly chat: Chat
  readonly caller: KeyRecord
  /** More than one deployment may answer, so a conversation without a name has to be recognised too. */
  readonly hasChoice: boolean
}

/** In which clients name their session: conventions first, then what single agents send. */
const HEADERS = [
  'x-session-id',
  'x-session-affinity',
  'session-id',
  'session_id',
  'x-claude-code-session-id',
  'x-opencode-session',
  'x-amp-thread-id',
]
const memory = createSessionMemory()

/** What a header names the session; empty where none does. */
export function sessionInHeader(header: HeaderReader): string {
  for (let at = 0; at < HEADERS.length; at++) {
    const name = header(HEADERS[at] ?? '')
    if (name) return name
  }
  return ''
}

/** The session of a request (routing 2.7); undefined for a conversation that begins and has no name. */
export function sessionOf(input: SessionInput): Session | undefined {
  const { chat, caller, hasChoice } = input
  const account = caller.account ?? caller.id
  const id = nameIn(input)
  if (id === undefined && !hasChoice) return undefined
  const hasHistory = chat.messages.some(({ role }) => role === 'assistant')
  const text = id ?? (hasHistory ? textOf(chat.messages.find(({ role }) => role === 'user')) : '')
  if (text === '') return undefined
  const hash = hashOf(`${account}\n${shortened(text)}`)
  const last = memory.find(account, hash)
  return { account, hash, hasHistory, id, last }
}

/** Notes where a session is from now on. */
export function rememberSession({ account, hash }: Session, name: string, at: number): void {
  memory.remember(account, hash, name, at)
}

/** A name of the session for a provider's cache, made of the client's with the caller's key so that nobody can trace it back. */
export async function cacheKeyOf(id: string, callerKey: string): Promise<string> {
  const digest = await sha256(JSON.stringify(['session', callerKey, shortened(id)]))
  return digest.slice(0, CACHE_KEY_CHARACTERS)
}

/** OpenAI takes 64. */
const CACHE_KEY_CHARACTERS = 32

function nameIn(input: SessionInput): string | undefined {
  const { user, safety_identifier } = input.body
  return conversationName(input) ?? nameOf(user) ?? nameOf(safety_identifier)
}

/** What the client calls its conversation; undefined where it says at most whose it is. */
export function conversationName({ named, body }: Pick<SessionInput, 'named' | 'body'>): string | undefined {
  if (named !== '') return named
  const { session_id, prompt_cache_key, metadata } = body
  const found = nameOf(session_id) ?? nameOf(prompt_cache_key)
  if (found !== undefined || !metadata) return found
  const { user_id } = metadata as Record<string, unknown>
  return isName(user_id) ? sessionIn(user_id) : undefined
}

function nameOf(value: unknown): string | undefined {
  return isName(value) ? value : undefined
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

const MAX_JSON_CHARACTERS = 1000

/** Claude Code writes its session and its device as JSON; others write a user. */
function sessionIn(userId: string): string {
  if (!userId.startsWith('{') || userId.length > MAX_JSON_CHARACTERS) return userId
  try {
    const { session_id } = JSON.parse(userId) as Record<string, unknown>
    return isName(session_id) ? session_id : userId
  } catch {
    return userId
  }
}

/** More of a text is not read: many first messages begin or end alike, but hardly with so much of both, and as long. */
const END_CHARACTERS = 2000
const MAX_PARTS = 20

function shortened(text: string): string {
  if (text.length <= 2 * END_CHARACTERS) return text
  return `${text.slice(0, END_CHARACTERS)}${text.length}${text.slice(-END_CHARACTERS)}`
}

function textOf(message: Message | undefined): string {
  const content = message?.content ?? ''
  if (typeof content === 'string') return content
  return content
    .slice(0, MAX_PARTS)
    .map(({ text = '' }) => shortened(text))
    .join('\n')
}
