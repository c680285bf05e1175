import type { Part } from '../conversations/records.ts'

/**
 * The items that Router9 makes carry in their ids which answer they are part of: so a single item is found without an index,
 * which would cost a row for each. Items of a provider keep its ids, and are written down.
 */
const OWN_ITEM = /_([A-Za-z0-9]{28})([io])\d+$/

/** Gives ends of ids for the items of an answer, unique. */
export function createItemIds(responseId: string, part: 'input' | 'output'): () => string {
  const end = responseId.slice(-28)
  const mark = part === 'input' ? 'i' : 'o'
  let count = 0
  return () => `${end}${mark}${count++}`
}

/** The answer that an item is part of, and the part; undefined where its id does not tell. */
export function ownerOf(itemId: string, idPrefix: string): { id: string; part: Part } | undefined {
  const [, end, mark] = OWN_ITEM.exec(itemId) ?? []
  return end === undefined ? undefined : { id: idPrefix + end, part: mark === 'i' ? 'input' : 'output' }
}
