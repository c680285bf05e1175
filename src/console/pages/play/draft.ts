import { computed, effect, signal } from '@preact/signals'

/** How the request is written: one of the APIs that clients speak. */
export type FormatName = 'chat' | 'responses' | 'messages' | 'gemini'

/** A tool call in a message of the assistant. `args` is JSON. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly args: string
}

export interface Message {
  readonly id: number
  readonly role: 'user' | 'assistant' | 'tool'
  readonly text: string
  /** Data URLs. */
  readonly images: readonly string[]
  /** What the assistant called. */
  readonly calls?: readonly ToolCall[]
  /** Which call a message of a tool answers. */
  readonly call?: ToolCall
}

/** What the viewer has written so far. Numbers are as they were typed; empty means absent. */
export interface Draft {
  readonly format: FormatName
  readonly models: readonly string[]
  readonly system: string
  readonly messages: readonly Message[]
  readonly stream: boolean
  readonly temperature: string
  readonly maxTokens: string
  readonly effort: string
  /** `auto`, `none`, `required`, or the name of a tool. */
  readonly toolChoice: string
  readonly tools: string
  readonly schema: string
  /** JSON that is merged into the body. */
  readonly extra: string
}

const STORED = 'router9-play'
/** Images over this are not kept: the storage of a tab holds 5 MB. */
const MAX_STORED_LENGTH = 1_000_000
const STORE_AFTER_MS = 300

const NEW: Draft = {
  format: 'chat',
  models: ['auto'],
  system: '',
  messages: [{ id: 0, role: 'user', text: '', images: [] }],
  stream: true,
  temperature: '',
  maxTokens: '',
  effort: '',
  toolChoice: '',
  tools: '',
  schema: '',
  extra: '',
}

export const draft = signal<Draft>(restored())

export function change(changes: Partial<Draft>): void {
  draft.value = { ...draft.peek(), ...changes }
}

const cleared = signal<{ readonly before: Draft; readonly after: Draft } | undefined>(undefined)

/** Everything as on the first visit, but for the models and the format. */
export function clearDraft(): void {
  const before = draft.peek()
  const { format, models } = before
  const after = { ...NEW, format, models, messages: [newMessage('user')] }
  cleared.value = { before, after }
  draft.value = after
}

/** Whether nothing has been written since the draft was cleared. */
export const canUndoClear = computed(() => cleared.value !== undefined && cleared.value.after === draft.value)

export function undoClear(): void {
  const undone = cleared.peek()
  if (undone !== undefined && canUndoClear.peek()) draft.value = undone.before
}

let lastId = 0

export function newMessage(role: Message['role'], fields: Partial<Message> = {}): Message {
  lastId = Math.max(lastId, ...draft.peek().messages.map(({ id }) => id)) + 1
  return { id: lastId, role, text: '', images: [], ...fields }
}

/** Keeps what is written in the tab, so that a reload loses nothing. @returns ends it */
export function keepDraft(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = effect(() => {
    void draft.value
    clearTimeout(timer)
    timer = setTimeout(store, STORE_AFTER_MS)
  })
  addEventListener('pagehide', store)
  return () => {
    clearTimeout(timer)
    store()
    removeEventListener('pagehide', store)
    end()
  }
}

function store(): void {
  const { messages, ...others } = draft.peek()
  const length = messages.flatMap(({ images }) => images).reduce((sum, url) => sum + url.length, 0)
  const kept = length > MAX_STORED_LENGTH ? messages.map((message) => ({ ...message, images: [] })) : messages
  try {
    sessionStorage.setItem(STORED, JSON.stringify({ ...others, messages: kept }))
  } catch {
    // The storage is full: what is on the page stays there.
  }
}

function restored(): Draft {
  const model = new URLSearchParams(location.search).get('model')
  const asked = model ? { models: [model] } : {}
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORED) ?? '{}') as Partial<Draft>
    return { ...NEW, ...stored, ...asked }
  } catch {
    return { ...NEW, ...asked }
  }
}
