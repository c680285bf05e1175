import { attemptsOf } from '../../harness/attempts.ts'
import { DEMO_KEY } from '../../harness/worker.ts'

/** An open model that the three serve at the same price. */
export const OPEN_MODEL = 'glm-5.2'
/** The settings of its three providers. */
export const EQUALS = /^(?:FIREWORKS|TOGETHER|WORKERS_AI)_/

/** How a client speaks, and names its session. */
export type Client = 'chat' | 'claude-code' | 'codex'

/** What came of one turn. */
export interface Turn {
  readonly status: number
  /** Who was asked, in order; the last one answered. */
  readonly asked: readonly string[]
  readonly promptTokens: number
  readonly cachedTokens: number
}

/** So that turns come to the isolates in no order that they could tell. */
const STRIDE = 3

/** The beginning that all turns of a conversation have, longer than the least that a provider caches. */
const MANUAL = 'Keep to the rules of this house, which are many and long. '.repeat(120)
const WORDS = 'What was said here stays in the prompt of each turn that follows. '.repeat(8)

/** A conversation of a client. */
export interface Conversation {
  readonly client: Client
  /** What it begins with; no other begins so. */
  readonly title: string
  readonly turns: Turn[]
}

export function conversationsOf(kind: string, clients: readonly Client[]): Conversation[] {
  return clients.map((client, at) => ({ client, title: `${kind} ${at}`, turns: [] }))
}

/**
 * Has each go on until it has so many turns, side by side, each turn at another isolate.
 * @param isNamed Otherwise each turn comes under a name of its own, so that none is known to belong to another.
 */
export async function goOn(urls: readonly string[], all: readonly Conversation[], until: number, isNamed = true) {
  await Promise.all(
    all.map(async ({ client, title, turns }, at) => {
      for (let turn = turns.length; turn < until; turn++) {
        const url = urls[(at + turn * STRIDE) % urls.length] ?? ''
        turns.push(await askTurn(url, { client, title, name: isNamed ? title : `${title} ${turn}`, turn }))
      }
    }),
  )
}

interface Asked {
  readonly client: Client
  readonly title: string
  /** Of the session. */
  readonly name: string
  /** Counted from 0. */
  readonly turn: number
}

/** The text of a turn is the same whoever has answered those before it. */
async function askTurn(url: string, { client, title, name, turn }: Asked): Promise<Turn> {
  const { path, headers, body } = CLIENTS[client](name, `${title}. ${MANUAL}`, messagesUpTo(turn))
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: OPEN_MODEL, ...body }),
  })
  return {
    status: response.status,
    asked: attemptsOf(response.headers).flatMap((attempt) => attempt.split(':')[0] || []),
    ...countsIn(await response.text()),
  }
}

interface Asking {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

const TOOL = { description: 'Reads a file.', parameters: { type: 'object', properties: { path: { type: 'string' } } } }
const BEARER = { authorization: `Bearer ${DEMO_KEY}` }

type Message = Readonly<Record<'role' | 'content', string>>

const CLIENTS: Readonly<Record<Client, (name: string, manual: string, messages: readonly Message[]) => Asking>> = {
  chat: (name, manual, messages) => ({
    path: '/v1/chat/completions',
    headers: { ...BEARER, 'x-session-id': name },
    body: { messages: [{ role: 'system', content: manual }, ...messages] },
  }),
  'claude-code': (name, manual, messages) => ({
    path: '/v1/messages?beta=true',
    headers: { 'x-api-key': DEMO_KEY, 'anthropic-version': '2023-06-01', 'x-claude-code-session-id': name },
    body: {
      system: [{ type: 'text', text: manual, cache_control: { type: 'ephemeral' } }],
      messages,
      tools: [{ name: 'Read', description: TOOL.description, input_schema: TOOL.parameters }],
      metadata: { user_id: JSON.stringify({ device_id: 'd', account_uuid: '', session_id: name }) },
      max_tokens: 1000,
      stream: true,
    },
  }),
  codex: (name, manual, messages) => ({
    path: '/v1/responses',
    headers: { ...BEARER, 'session-id': name, 'thread-id': name },
    body: {
      instructions: manual,
      input: messages.map((message) => ({ type: 'message', ...message })),
      tools: [{ type: 'function', name: 'read', strict: false, ...TOOL }, { type: 'web_search' }],
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: name,
      store: false,
      stream: true,
    },
  }),
}

function messagesUpTo(turn: number): Message[] {
  const before = Array.from({ length: turn }, (_, at) => [
    { role: 'user', content: `${WORDS} Say: well ${at}` },
    { role: 'assistant', content: `${WORDS} Well ${at}.` },
  ])
  return [...before.flat(), { role: 'user', content: `${WORDS} Say: well ${turn}` }]
}

/** The last counts of an answer, in the words of any of the three APIs. */
function countsIn(text: string): Pick<Turn, 'promptTokens' | 'cachedTokens'> {
  const last = (name: RegExp) => Number([...text.matchAll(name)].at(-1)?.[1] ?? 0)
  const cachedTokens = last(/"(?:cached_tokens|cache_read_input_tokens)":(\d+)/g)
  const counted = last(/"(?:prompt_tokens|input_tokens)":(\d+)/g)
  // Of these three, Anthropic's API counts what was cached beside the rest.
  const isBeside = text.includes('"cache_read_input_tokens"')
  return { promptTokens: counted + (isBeside ? cachedTokens : 0), cachedTokens }
}

/** Who answered each turn. */
export function placesOf({ turns }: Conversation): string[] {
  return turns.map(({ asked }) => asked.at(-1) ?? '')
}

/** How often the place changed from one turn to the next. */
export function movesOf(conversation: Conversation): number {
  return placesOf(conversation).filter((place, at, all) => at > 0 && place !== all[at - 1]).length
}

/** The share of turns, but for first ones, that were answered where the turn before was. */
export function stayingShare(all: readonly Conversation[]): number {
  const later = all.reduce((sum, { turns }) => sum + turns.length - 1, 0)
  return 1 - all.reduce((sum, conversation) => sum + movesOf(conversation), 0) / later
}

/** The share of the prompts' tokens that a provider had cached. */
export function cachedShare(all: readonly Conversation[]): number {
  const turns = all.flatMap((conversation) => conversation.turns)
  const sum = (count: (turn: Turn) => number) => turns.reduce((total, turn) => total + count(turn), 0)
  return sum(({ cachedTokens }) => cachedTokens) / sum(({ promptTokens }) => promptTokens)
}
