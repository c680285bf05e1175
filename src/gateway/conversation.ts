import { permit } from '../access/account-use.ts'
import { parseJson } from '../chat/exact-json.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { keepsDigits } from '../chat/request.ts'
import { PARTS, type Part, type Wanted } from '../conversations/records.ts'
import type { AnswerReferences, Referenced, References, StoredResponse } from '../formats/format.ts'
import { createExcessFinder } from '../stream/json-bounds.ts'
import { referencesTooLarge } from './body-memory.ts'
import type { RequestContext } from './context.ts'
import { type ConversationStore, type FoundRecords, openConversationStore } from './conversation-store.ts'
import { ownerOf } from './item-ids.ts'

/** A request cannot be answered without what it refers to. */
const FIND_TIMEOUT_MS = 5000
/** Nobody has a longer id. */
const MAX_ID_CHARACTERS = 256
const RETRY_AFTER_MS = 1000

type Item = Readonly<Record<string, unknown>>

/** A request of an API whose answers are kept. */
export interface Conversation {
  /** The body with all that it refers to in its place. */
  readonly body: Item
  readonly isStored: boolean
  /** The id of the answer that it continues. */
  readonly parent: string | undefined
  readonly notStored: AnswerReferences['notStored']
  /** The items of the request's own input, as they are kept. */
  readonly ownItems: (newId: () => string) => readonly Item[]
}

/**
 * Puts what a request refers to in its place, so that it is read, planned and billed as if it had come whole.
 * @throws Failure 404 for what the caller does not have; 400 where nothing is kept; 413 and 503 by the bounds of bodies.
 */
export async function resolveConversation(
  context: RequestContext,
  references: AnswerReferences,
  given: Item,
): Promise<Conversation> {
  const wanted = references.read(given)
  const isKeeping = context.settings.retentionMs > 0
  if (wanted !== undefined && !isKeeping) throw nothingKept(wanted)
  const referenced = wanted === undefined ? undefined : await findReferenced(context, wanted)
  return {
    body: referenced === undefined ? given : permittedNow(context, references.resolve(given, referenced)),
    isStored: isKeeping && references.isStored(given),
    parent: wanted?.response,
    notStored: references.notStored,
    ownItems: (newId) =>
      references.inputItems(given, newId).map((item) => referenced?.items.get(String(item.id)) ?? item),
  }
}

/** What was kept was permitted when it came, which may be long ago. */
function permittedNow({ rights, format }: RequestContext, body: Item): Item {
  return permit(body, rights, format.name).body
}

/** The store of a caller's answers. */
export function answersOf({
  objects,
  caller,
  key,
}: Pick<RequestContext, 'objects' | 'caller' | 'key'>): ConversationStore {
  return openConversationStore({ objects, keyId: caller.id, key }, 'responses')
}

/** A caller's answers, and the memory that they are read into. */
export interface KeptAnswers {
  readonly store: ConversationStore
  /** Claims so many bytes. @throws Failure 413, 503 */
  readonly claim: (bytes: number) => void
}

async function findReferenced(context: RequestContext, { response, items }: References): Promise<Referenced> {
  const ids = [...new Set(items)]
  const wanted: Wanted[] = ids.map((id) => wantedOfItem(id, context.format.idPrefix))
  if (response !== undefined) wanted.push({ id: response, parts: PARTS, isContinued: true })
  const answers = { store: answersOf(context), claim: context.share.extend }
  const reader = createReader(await find(answers, wanted))
  const found = ids.map((id, at) => [id, reader.item(id, at, wanted[at]?.parts ?? [])] as const)
  const stored = response === undefined ? undefined : reader.answer(response)
  if (stored?.isBroken) throw earlierNotFound(response ?? '')
  if (response !== undefined && stored === undefined) throw previousNotFound(response)
  return { ...(stored === undefined ? {} : { response: stored }), items: new Map(found) }
}

/**
 * The answer with this id, with these parts of it; with `input`, all that came before it is there too.
 * @throws Failure 404, 413, 503
 */
export async function findAnswer(answers: KeptAnswers, id: string, parts: readonly Part[]): Promise<StoredResponse> {
  if (id.length > MAX_ID_CHARACTERS) throw answerNotFound(id)
  const found = await find(answers, [{ id, parts, isContinued: parts.includes('input') }])
  const answer = createReader(found).answer(id)
  if (answer === undefined) throw answerNotFound(id)
  return answer
}

/** Deletes the answer with this id. @throws Failure 404, 503 */
export async function deleteAnswer({ store }: KeptAnswers, id: string): Promise<void> {
  const wasThere = id.length <= MAX_ID_CHARACTERS && (await store.remove(id, FIND_TIMEOUT_MS).catch(throwUnavailable))
  if (!wasThere) throw answerNotFound(id)
}

function wantedOfItem(id: string, idPrefix: string): Wanted {
  const owner = ownerOf(id, idPrefix)
  return owner === undefined ? { id, parts: ['output'] } : { id: owner.id, parts: [owner.part] }
}

async function find({ store, claim }: KeptAnswers, wanted: readonly Wanted[]): Promise<FoundRecords> {
  const found = await store.find(wanted, FIND_TIMEOUT_MS, claim).catch(throwUnavailable)
  if (found === undefined) throw referencesTooLarge()
  return found
}

function throwUnavailable(error: unknown): never {
  if (error instanceof Failure) throw error
  const details = { retryAfterMs: RETRY_AFTER_MS, detail: error instanceof Error ? error.message : String(error) }
  throw new Failure('answers-unavailable', 'Earlier answers cannot be read right now. Please try again.', details)
}

interface FoundAnswer extends StoredResponse {
  /** An answer before it is gone. */
  readonly isBroken: boolean
}

/** Reads what was found; of each record once, and together no more values than a body may have. */
function createReader({ ids, records }: FoundRecords) {
  const findExcess = createExcessFinder()
  const read = new Map<string, unknown>()
  const partOf = (id: string, part: Part): unknown => {
    const name = `${part} ${id}`
    const text = records.get(id)?.parts[part]
    if (text === undefined || read.has(name)) return read.get(name)
    if (findExcess(text) !== undefined) throw referencesTooLarge()
    const value = parseJson(text, keepsDigits)
    read.set(name, value)
    return value
  }
  const itemsOf = (id: string, part: Part) => (partOf(id, part) ?? []) as readonly Item[]
  const byId = new Map<string, ReadonlyMap<unknown, Item>>()
  const itemOf = (record: string, part: Part, id: string): Item | undefined => {
    const name = `${part} ${record}`
    const items = byId.get(name) ?? new Map(itemsOf(record, part).map((item) => [item.id, item]))
    byId.set(name, items)
    return items.get(id)
  }
  return {
    /** @throws Failure 404 */
    item: (id: string, at: number, parts: readonly Part[]): Item => {
      const record = ids[at] ?? ''
      for (const part of parts) {
        const item = itemOf(record, part, id)
        if (item !== undefined) return item
      }
      throw itemNotFound(id)
    },
    answer: (id: string): FoundAnswer | undefined => {
      if (!records.has(id)) return undefined
      const before: string[] = []
      let at = records.get(id)?.parent
      for (; at !== undefined && records.has(at); at = records.get(at)?.parent) before.push(at)
      const earlier = before.reverse().flatMap((one) => [...itemsOf(one, 'input'), ...itemsOf(one, 'output')])
      const response = { ...(partOf(id, 'response') as Item | undefined), output: itemsOf(id, 'output') }
      return { input: [...earlier, ...itemsOf(id, 'input')], response, isBroken: at !== undefined }
    },
  }
}

function answerNotFound(id: string): Failure {
  return new Failure('not-found', `Response with id '${quoted(id)}' not found.`)
}

function itemNotFound(id: string): Failure {
  return new Failure('not-found', `Item with id '${quoted(id)}' not found.`, { param: 'input' })
}

const OF_PREVIOUS = { param: 'previous_response_id', code: 'previous_response_not_found' }

function previousNotFound(id: string): Failure {
  return new Failure('not-found', `Previous response with id '${quoted(id)}' not found.`, OF_PREVIOUS)
}

function earlierNotFound(id: string): Failure {
  const text = `Previous response with id '${quoted(id)}' cannot be continued: a response before it has expired or was deleted.`
  return new Failure('not-found', text, OF_PREVIOUS)
}

function nothingKept({ response }: References): Failure {
  const [field, what] = response === undefined ? ['input', 'items'] : ['previous_response_id', 'responses']
  const text = `'${field}' refers to earlier ${what}, and this gateway keeps none (RESPONSES_STORE=off). Send the whole conversation.`
  return new Failure('unsupported-parameter', text, { param: field })
}
