import type { OutputEvent } from '../../chat/event.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import type { AnswerInput } from '../format.ts'
import { MAX_KEPT_CHARACTERS, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { createReasoningKeeper, type KeptReasoning, type ReasoningKeeper, sizeOf } from '../shared/kept-reasoning.ts'
import { createObjectProgress, type ObjectProgress } from '../shared/object-progress.ts'
import { toArgumentsObject } from '../shared/tool-arguments.ts'
import { toChatName } from '../shared/tool-names.ts'
import { sealSignature } from './signatures.ts'
import { GEMINI_REASONING_FORMAT } from './write-contents.ts'

/** Takes the parts of an answer as they become whole. */
export type PartSink = (choice: number, part: JsonObject) => void

/**
 * Makes parts of events: calls are whole, and nothing overtakes them. What a provider wants back goes into the signature of the
 * next call: gemini-cli keeps signatures of calls, and loses those of thoughts and of texts that it joins (`geminiChat.ts`).
 */
export interface AnswerParts {
  readonly push: (event: OutputEvent) => void
  /** Gives out what waits. */
  readonly end: () => void
}

/** What waits behind a call that is not whole. */
type Waiting = QueuedCall | { part: JsonObject }

interface QueuedCall {
  readonly index: number
  readonly id: string
  readonly name: string
  /** What its provider wants back with it. */
  readonly extra: JsonObject | undefined
  readonly progress: ObjectProgress
  args: string
}

interface Candidate {
  readonly keeper: ReasoningKeeper
  /** The keeper has got something since the last signature. */
  hasKept: boolean
  /** Begins with a call. */
  readonly queue: Waiting[]
  readonly calls: Map<number, QueuedCall>
}

interface State {
  readonly answer: AnswerInput
  readonly sink: PartSink
  readonly showsThoughts: boolean
  /** The client's names of tools that have other names in the chat. */
  readonly names: ReadonlyMap<string, string>
  readonly candidates: Map<number, Candidate>
  readonly fits: (text: string) => boolean
  heldCharacters: number
}

/** About the memory of a part, beside its texts. */
const PART_CHARACTERS = 500

export function createAnswerParts(answer: AnswerInput, sink: PartSink): AnswerParts {
  const body = Object(answer.source?.body) as JsonObject
  const state: State = {
    answer,
    sink,
    showsThoughts: wantsThoughts(body),
    names: namesOf(body.tools),
    candidates: new Map(),
    fits: createJsonBudget(),
    heldCharacters: 0,
  }
  return {
    push: (event) => push(state, event),
    end: () => {
      for (const [choice, candidate] of state.candidates) {
        advance(state, choice, candidate, true)
        // Without a call no provider needs bare texts back. The rest goes the way of Google's own: with an empty last part.
        const { reasoning_details } = take(candidate) ?? {}
        if (reasoning_details) sink(choice, { text: '', ...signatureOf({ reasoning_details }, answer) })
      }
    },
  }
}

/** A member by its name in either spelling: Google takes both. */
function member(object: unknown, camel: string): unknown {
  if (!isJsonObject(object)) return undefined
  return object[camel] ?? object[camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
}

/** Google shows thoughts only to clients that ask for them. */
function wantsThoughts(body: JsonObject): boolean {
  return member(member(member(body, 'generationConfig'), 'thinkingConfig'), 'includeThoughts') === true
}

function namesOf(tools: unknown): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const tool of Array.isArray(tools) ? tools : [tools]) {
    for (const declaration of jsonObjectsIn(member(tool, 'functionDeclarations'))) {
      const name = String(declaration.name)
      const inChat = toChatName(name)
      if (inChat !== name) names.set(inChat, name)
    }
  }
  return names
}

function candidateOf({ candidates }: State, choice: number): Candidate {
  const known = candidates.get(choice)
  if (known !== undefined) return known
  const candidate = { keeper: createReasoningKeeper(), hasKept: false, queue: [], calls: new Map() }
  candidates.set(choice, candidate)
  return candidate
}

function push(state: State, event: OutputEvent): void {
  switch (event.type) {
    case 'text':
    case 'refusal':
      if (event.text !== '') add(state, event.choice, { text: event.text })
      break
    case 'reasoning':
      if (event.text === '') break
      keep(state, event.choice, event)
      if (state.showsThoughts) add(state, event.choice, { text: event.text, thought: true })
      break
    case 'tool-start':
      startCall(state, event)
      break
    case 'tool-delta': {
      const candidate = candidateOf(state, event.choice)
      const call = candidate.calls.get(event.index)
      if (call === undefined) break
      hold(state, event.text.length)
      call.progress.add(event.text)
      call.args += event.text
      advance(state, event.choice, candidate, false)
      break
    }
    case 'extra':
      if (event.place !== 'message') break
      if (event.fields.reasoning_details !== undefined) keep(state, event.choice, event)
      for (const part of picturesOf(event.fields.images)) add(state, event.choice, part)
  }
}

/** Nobody can ask Google for more candidates. */
const MAX_CANDIDATES = 8

function keep(state: State, choice: number, event: OutputEvent): void {
  if (choice >= MAX_CANDIDATES) return
  const candidate = candidateOf(state, choice)
  candidate.keeper.push(event)
  candidate.hasKept = true
}

/** Pictures: their data, or their address. */
function picturesOf(images: unknown): JsonObject[] {
  return jsonObjectsIn(images).flatMap(({ image_url: image }): JsonObject[] => {
    const url = isJsonObject(image) ? toText(image.url) : undefined
    if (url === undefined) return []
    const comma = url.indexOf(',')
    const mimeType = /^data:([\w.+/-]+);base64$/.exec(url.slice(0, comma))?.[1]
    if (mimeType === undefined) return [{ fileData: { mimeType: 'image/*', fileUri: url } }]
    return [{ inlineData: { mimeType, data: url.slice(comma + 1) } }]
  })
}

function startCall(state: State, event: Extract<OutputEvent, { type: 'tool-start' }>): void {
  const candidate = candidateOf(state, event.choice)
  const content = event.extra?.extra_content
  const extra = isJsonObject(content) ? content : undefined
  const name = state.names.get(event.name) ?? event.name
  hold(state, PART_CHARACTERS + event.id.length + name.length + (extra === undefined ? 0 : sizeOf(extra)))
  const call = { index: event.index, id: event.id, name, extra, progress: createObjectProgress(), args: '' }
  candidate.calls.set(event.index, call)
  candidate.queue.push(call)
  advance(state, event.choice, candidate, false)
}

/** Gives a part out, or lets it wait for the calls before it. */
function add(state: State, choice: number, part: JsonObject): void {
  const candidate = candidateOf(state, choice)
  const { queue } = candidate
  if (queue.length === 0) {
    state.sink(choice, part)
    return
  }
  hold(state, lengthOf(part))
  const last = queue.at(-1)
  if (last !== undefined && 'part' in last && isText(last.part) && isText(part) && last.part.thought === part.thought) {
    last.part = { ...last.part, text: `${last.part.text}${part.text}` }
  } else {
    hold(state, PART_CHARACTERS)
    queue.push({ part })
  }
  advance(state, choice, candidate, false)
}

function isText(part: JsonObject): boolean {
  return typeof part.text === 'string'
}

function lengthOf({ text, inlineData, fileData }: JsonObject): number {
  return String(text ?? Object(inlineData).data ?? Object(fileData).fileUri ?? '').length
}

/** @throws Failure where more waits than in any answer. */
function hold(state: State, characters: number): void {
  state.heldCharacters += characters
  if (!(state.heldCharacters <= MAX_KEPT_CHARACTERS)) throw malformedAnswer('it begins more than it ends')
}

/** Gives out what waits at the front, as soon as it is whole and something else has come: more could belong to it. */
function advance(state: State, choice: number, candidate: Candidate, isEnd: boolean): void {
  const { queue } = candidate
  for (let head = queue[0]; head !== undefined; head = queue[0]) {
    if (!isEnd && 'args' in head && (queue.length === 1 || head.progress.state() !== 'complete')) return
    queue.shift()
    // A call that is whole gets nothing any more: white space, at most.
    if ('args' in head && candidate.calls.get(head.index) === head) candidate.calls.delete(head.index)
    state.heldCharacters -= PART_CHARACTERS + heldBy(head)
    state.sink(choice, partOf(state, candidate, head))
  }
}

function heldBy(waiting: Waiting): number {
  if ('part' in waiting) return lengthOf(waiting.part)
  const { id, name, extra, args } = waiting
  return id.length + name.length + args.length + (extra === undefined ? 0 : sizeOf(extra))
}

/** A part that has waited. */
function partOf({ answer, fits }: State, candidate: Candidate, waiting: Waiting): JsonObject {
  if ('part' in waiting) return waiting.part
  const { id, name, extra, args } = waiting
  // OpenAI's older calls have no id.
  const functionCall = { ...(id === '' ? {} : { id }), name, args: toArgumentsObject(args, fits) }
  const kept: KeptReasoning = { ...take(candidate), ...(extra === undefined ? {} : { calls: { [id]: extra } }) }
  return Object.keys(kept).length === 0 ? { functionCall } : { functionCall, ...signatureOf(kept, answer) }
}

function take(candidate: Candidate): KeptReasoning | undefined {
  const kept = candidate.hasKept ? candidate.keeper.take() : undefined
  candidate.hasKept = false
  return kept
}

/** What a provider wants back, sealed; Google's own signature, where there is nothing else. */
function signatureOf(kept: KeptReasoning, { sealer }: AnswerInput): JsonObject {
  return { thoughtSignature: googleSignature(kept) ?? sealSignature(sealer, kept) }
}

/** The signature, where nothing but one of Google's was kept. */
function googleSignature({ reasoning_content: text, reasoning_details: details = [], calls = {} }: KeptReasoning) {
  const [extra, ...more] = Object.values(calls)
  if (text !== undefined || more.length > 0 || details.length + (extra === undefined ? 0 : 1) !== 1) return undefined
  if (extra !== undefined) return onlyText(onlyMember(extra, 'google'), 'thought_signature')
  const [{ type, format, data, ...rest } = {} as JsonObject] = details
  const isOwn = type === 'reasoning.encrypted' && format === GEMINI_REASONING_FORMAT && Object.keys(rest).length === 0
  return isOwn ? toText(data) : undefined
}

function onlyMember(object: unknown, name: string): unknown {
  return isJsonObject(object) && Object.keys(object).length === 1 ? object[name] : undefined
}

function onlyText(object: unknown, name: string): string | undefined {
  return toText(onlyMember(object, name))
}
