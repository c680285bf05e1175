import { MAX_RECORD_BYTES } from '../conversations/records.ts'
import { logFault } from '../telemetry/log.ts'
import type { RequestContext } from './context.ts'
import { answersOf, type Conversation } from './conversation.ts'
import type { PlainRecord } from './conversation-store.ts'
import { createItemIds, ownerOf } from './item-ids.ts'

/** An answer waits this long to be kept, and then ends without. */
const PUT_TIMEOUT_MS = 2000
/** A provider's items cost a row each, to be found by their ids. */
const MAX_ALIASES = 1000
const MAX_ALIAS_CHARACTERS = 256
const UNCLAIMED_CHARACTERS = 256 * 1024

type Item = Readonly<Record<string, unknown>>

/** Keeps one answer. It is there, for every isolate, before its client knows that it is complete. */
export interface AnswerStorage {
  /** For the ids of the answer's items. */
  readonly newId: () => string
  readonly onComplete: (response: Item) => void
  /**
   * Keeps the answer before its end is sent. Returns the text of the end, which says so if the answer could not be kept.
   * Never rejects.
   */
  readonly beforeEnd: (text: string) => Promise<string>
}

/** Prepares to keep the answer with this id. */
export function createAnswerStorage(context: RequestContext, conversation: Conversation, id: string): AnswerStorage {
  let completed: Item | undefined
  return {
    newId: createItemIds(id, 'output'),
    onComplete: (response) => {
      completed = response
    },
    beforeEnd: async (text) => {
      if (completed === undefined) return text
      try {
        const record = recordOf(completed, context, conversation, id)
        if (record !== undefined) {
          const size = sizeOf(record)
          // It is in memory several times while it is encrypted and sent.
          if (size > UNCLAIMED_CHARACTERS) context.share.extend(size)
          const [isKept] = await answersOf(context).put([record], PUT_TIMEOUT_MS)
          if (isKept) return text
        }
      } catch (error) {
        logFault(context.requestId, `The answer was not stored: ${error instanceof Error ? error.message : error}`)
      }
      return conversation.notStored(text, completed)
    },
  }
}

/** The record of an answer; undefined if it is too large. */
function recordOf(
  response: Item,
  { settings, format }: RequestContext,
  { parent, ownItems }: Conversation,
  id: string,
): PlainRecord | undefined {
  const output = (response.output ?? []) as readonly Item[]
  const parts = {
    input: JSON.stringify(ownItems(createItemIds(id, 'input'))),
    output: JSON.stringify(output),
    response: JSON.stringify({ ...response, output: [] }),
  }
  const aliases = output.slice(0, MAX_ALIASES).flatMap(({ id: item }) => {
    if (typeof item !== 'string' || item.length > MAX_ALIAS_CHARACTERS) return []
    return ownerOf(item, format.idPrefix) === undefined ? item : []
  })
  const expires = Date.now() + settings.retentionMs
  const record = { id, ...(parent === undefined ? {} : { parent }), aliases, expires, parts }
  return sizeOf(record) > MAX_RECORD_BYTES ? undefined : record
}

function sizeOf({ parts: { input = '', output = '', response = '' } }: PlainRecord): number {
  return input.length + output.length + response.length
}
