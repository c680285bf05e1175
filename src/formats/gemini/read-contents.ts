import { Failure, quoted } from '../../chat/failure.ts'
import type { Message, Part, ToolCall } from '../../chat/request.ts'
import type { Sealer } from '../format.ts'
import { type JsonObject, toText } from '../shared/fields.ts'
import { type KeptReasoning, readKept, restoreReasoning } from '../shared/kept-reasoning.ts'
import { emptyConversation, unsupportedContent } from '../shared/parts.ts'
import { toChatName } from '../shared/tool-names.ts'
import { createOpenCalls, type OpenCalls, ownId } from './open-calls.ts'
import { type ReadPart, readBlob, readFile, unknownMember } from './read-parts.ts'
import type { CallParam, GeminiBody, PartParam, ResponseParam } from './request-schema.ts'
import { NO_SIGNATURE, openSignature, type SealedPart } from './signatures.ts'
import { GEMINI_REASONING_FORMAT } from './write-contents.ts'

/** Where a message of the chat began in the request, and where its calls stood. */
export interface MessagePath {
  readonly path: string
  readonly calls: readonly string[]
}

/** The conversation as a chat has it. */
export interface Conversation {
  readonly messages: readonly Message[]
  /** Why other providers refuse it, where it holds something that they have no form for. */
  readonly requires?: Failure
  readonly paths: readonly MessagePath[]
  /** Where the parts of messages stood. */
  readonly partPaths: ReadonlyMap<object, string>
  /** The signatures that are sealed for other providers, and what Google gets instead. */
  readonly sealed: readonly SealedPart[]
}

/** The conversation while it is read. Neighbours of one role are one turn. */
interface State {
  readonly sealer: Sealer
  readonly messages: Message[]
  readonly paths: MessagePath[]
  readonly partPaths: Map<object, string>
  readonly sealed: SealedPart[]
  readonly calls: OpenCalls
  /** Media that a model gave. They stand in the user's next message: not every API takes them in the assistant's. */
  media: Part[]
  turn: Turn
  requires: Failure | undefined
}

interface Turn {
  /** Where it begins. */
  readonly path: string
  readonly role: 'system' | 'user' | 'model'
  readonly results: Message[]
  readonly resultPaths: MessagePath[]
  readonly parts: Part[]
  readonly calls: ToolCall[]
  readonly callPaths: string[]
  readonly kept: KeptReasoning[]
  /** The thoughts since the last signature. */
  thoughts: string[]
}

/** Where a part stands, by its numbers. */
interface Place {
  readonly content: number
  readonly part: number
  readonly path: string
}

/** @throws Failure for sealed reasoning that has been changed. */
export function readConversation({ systemInstruction, contents }: GeminiBody, sealer: Sealer): Conversation {
  const state: State = {
    sealer,
    messages: [],
    paths: [],
    partPaths: new Map(),
    sealed: [],
    calls: createOpenCalls(),
    media: [],
    turn: newTurn('system', 'systemInstruction'),
    requires: undefined,
  }
  systemInstruction?.parts?.forEach((part, at) => {
    if (part.thought !== true) readContent(state, part, `systemInstruction.parts[${at}]`)
  })
  contents.forEach(({ role, parts }, content) => {
    const path = `contents[${content}]`
    const own = role === 'model' ? role : 'user'
    if (own !== state.turn.role) endTurn(state, own, path)
    parts?.forEach((part, at) => {
      readPart(state, part, { content, part: at, path: `${path}.parts[${at}]` })
    })
  })
  endTurn(state, 'user', 'contents')
  // What a model gave at last stands in one more message.
  endTurn(state, 'user', 'contents')
  const { messages, paths, partPaths, sealed, requires } = state
  if (messages.every(({ role }) => role === 'system') && requires === undefined) throw emptyConversation()
  return { messages, paths, partPaths, sealed, ...(requires === undefined ? {} : { requires }) }
}

function newTurn(role: Turn['role'], path: string): Turn {
  return {
    role,
    path,
    results: [],
    resultPaths: [],
    parts: [],
    calls: [],
    callPaths: [],
    kept: [],
    thoughts: [],
  }
}

function readPart(state: State, part: PartParam, place: Place): void {
  const { turn } = state
  const { path } = place
  const isModel = turn.role === 'model'
  const { functionCall: call, functionResponse: result } = part
  if (isModel && part.thought === true && !call) turn.thoughts.push(part.text ?? '')
  else if (call && isModel) readCall(state, call, place, part.thoughtSignature)
  else if (result && !isModel) readResult(state, result, path)
  else if (call || result) {
    const [member, owner] = call ? ['functionCall', 'model'] : ['functionResponse', 'user']
    const param = `${path}.${member}`
    throw new Failure('invalid-value', `'${param}' can only stand in a content of the ${owner}.`, { param })
  } else readContent(state, part, path)
  if (part.thoughtSignature && !(isModel && call)) readSignature(state, part.thoughtSignature, place)
}

/** Reads what is neither a call nor a result. */
function readContent(state: State, part: PartParam, path: string): void {
  const { text, inlineData, fileData } = part
  const unknown = unknownMember(part)
  if (unknown !== undefined) {
    state.requires ??= unsupportedContent(`${path}.${unknown}`, `parts with '${quoted(unknown)}'`)
    return
  }
  if (text) addPart(state, { type: 'text', text }, path)
  if (inlineData) addRead(state, readBlob(inlineData, `${path}.inlineData`), path)
  if (fileData) addRead(state, readFile(fileData, `${path}.fileData`), path)
}

function addRead(state: State, read: ReadPart, path: string): void {
  if ('requires' in read) state.requires ??= read.requires
  else addPart(state, read.part, path)
}

function addPart(state: State, part: Part, path: string): void {
  const { turn, media, partPaths } = state
  partPaths.set(part, path)
  if (part.type === 'text' || turn.role === 'user') turn.parts.push(part)
  else if (turn.role === 'model') media.push(part)
  else state.requires ??= unsupportedContent(path, 'media in an instruction')
}

function readCall(state: State, call: CallParam, place: Place, signature: string | null | undefined): void {
  const { turn, calls } = state
  const { name, args } = call
  const kept = signature ? openPart(state, signature, place) : undefined
  if (turn.calls.length === 0) calls.beginTurn()
  // A client that keeps no ids sends back the signature, which has it.
  const id = calls.add(name, ownId(name, call.id) ?? Object.keys(kept?.calls ?? {}).at(-1))
  turn.calls.push({ id, type: 'function', function: { name: toChatName(name), arguments: JSON.stringify(args ?? {}) } })
  turn.callPaths.push(place.path)
  if (kept === undefined) {
    keepOwn(turn, signature, (data) => ({ calls: { [id]: { google: { thought_signature: data } } } }))
    return
  }
  // It is this call's, whatever the client has made of the id.
  const own = Object.values(kept.calls ?? {}).at(-1)
  keep(turn, own === undefined ? kept : { ...kept, calls: { [id]: own } })
  seal(state, place, Object(own?.google).thought_signature)
}

function readSignature(state: State, signature: string, place: Place): void {
  const kept = openPart(state, signature, place)
  // A user has none. One of ours is taken out all the same.
  if (state.turn.role === 'user') {
    if (kept !== undefined) seal(state, place, undefined)
    return
  }
  if (kept === undefined) {
    keepOwn(state.turn, signature, (data) => ({
      reasoning_details: [{ type: 'reasoning.encrypted', data, format: GEMINI_REASONING_FORMAT }],
    }))
    return
  }
  keep(state.turn, kept)
  seal(state, place, undefined)
}

/** What Router9 sealed; undefined for a signature of Google's own. @throws Failure where it has been changed. */
function openPart({ sealer, turn }: State, signature: string, { path }: Place): KeptReasoning | undefined {
  const opened = openSignature(sealer, signature)
  if (opened.kind === 'foreign') return undefined
  const kept = opened.kind === 'ours' ? readKept(opened.value, turn.thoughts.join('')) : undefined
  if (kept !== undefined) return kept
  const param = `${path}.thoughtSignature`
  const text = `'${param}' has been changed, or was made for another API key. Send parts back as they came.`
  throw new Failure('invalid-value', text, { param })
}

function keep(turn: Turn, kept: KeptReasoning): void {
  turn.kept.push(kept)
  turn.thoughts = []
}

/** Google's own signature. Makers that want their own reasoning back as text take the thoughts in its place. */
function keepOwn(turn: Turn, signature: string | null | undefined, toKept: (data: string) => KeptReasoning): void {
  if (!signature || signature === NO_SIGNATURE) return
  const text = turn.thoughts.join('')
  keep(turn, { ...(text === '' ? {} : { reasoning_content: text }), ...toKept(signature) })
}

function seal({ sealed }: State, { content, part }: Place, signature: unknown): void {
  sealed.push({ content, part, signature: toText(signature) })
}

function readResult(state: State, result: ResponseParam, path: string): void {
  const { turn } = state
  const media: Part[] = []
  for (const [at, { text, inlineData, fileData }] of (result.parts ?? []).entries()) {
    const own = `${path}.functionResponse.parts[${at}]`
    const read = [
      ...(text ? [{ part: { type: 'text', text } }] : []),
      ...(inlineData ? [readBlob(inlineData, `${own}.inlineData`)] : []),
      ...(fileData ? [readFile(fileData, `${own}.fileData`)] : []),
    ]
    for (const one of read) {
      if ('part' in one) media.push(one.part)
      else state.requires ??= one.requires
    }
  }
  const name = result.name ?? ''
  const tool_call_id = state.calls.answer(name, ownId(name, result.id))
  turn.results.push({ role: 'tool', tool_call_id, content: resultText(result.response) })
  turn.resultPaths.push({ path, calls: [] })
  for (const part of media) addPart(state, part, path)
}

/** Members that hold nothing but the result, when they are alone (ai.google.dev, "FunctionResponse"). */
const RESULT_MEMBERS: ReadonlySet<string> = new Set(['output', 'result'])

function resultText(response: JsonObject | null | undefined): string {
  const [[name, value] = [], ...others] = Object.entries(response ?? {})
  if (name === undefined) return ''
  if (others.length === 0 && typeof value === 'string' && RESULT_MEMBERS.has(name)) return value
  return JSON.stringify(response)
}

function endTurn(state: State, next: Turn['role'], nextPath: string): void {
  const { messages, paths, turn } = state
  const { role, path, results, resultPaths, parts, calls, callPaths, kept, thoughts } = turn
  for (const result of results) messages.push(result)
  for (const one of resultPaths) paths.push(one)
  if (role === 'model') {
    const text = thoughts.join('')
    if (text !== '') kept.push({ reasoning_content: text })
    if (parts.length + calls.length + kept.length > 0) {
      const content = parts.length === 0 && calls.length > 0 ? null : parts.map(({ text: words }) => words).join('')
      const message: Message = { role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) }
      messages.push(restoreReasoning(message, kept))
      paths.push({ path, calls: callPaths })
    }
  } else if (role === 'system') {
    if (parts.length > 0) {
      messages.push({ role, content: parts.map(({ text }) => text).join('\n\n') })
      paths.push({ path, calls: [] })
    }
  } else {
    const all = [...state.media, ...parts]
    state.media = []
    if (all.length > 0) {
      messages.push({ role, content: contentOf(all) })
      paths.push({ path, calls: [] })
    }
  }
  state.turn = newTurn(next, nextPath)
}

function contentOf(parts: Part[]): string | Part[] {
  const [first] = parts
  return parts.length === 1 && first?.type === 'text' ? (first.text ?? '') : parts
}
