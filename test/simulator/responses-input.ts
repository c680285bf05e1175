import type { Incoming, Trouble } from './dialect.ts'
import { type Fields, listOf, rowsOf, textOf } from './json.ts'
import { refusal } from './openai-refusal.ts'

/** The items of a conversation, those of earlier responses included, or what is wrong with a reference in it. */
export function conversationItems(incoming: Incoming): { items: Fields[] } | { trouble: Trouble } {
  const { body, memory, slot } = incoming
  const given = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : listOf(body.input)
  const items: Fields[] = []
  const previous = textOf(body.previous_response_id)
  if (previous !== '') {
    const earlier = memory.conversations.get(previous)
    if (earlier?.slot !== slot) {
      const message = `Previous response with id '${previous}' not found.`
      return { trouble: refusal(message, 'previous_response_id', 'previous_response_not_found') }
    }
    items.push(...earlier.items)
  }
  for (const item of rowsOf(given)) {
    const id = textOf(item.id)
    const bare = item.type === 'reasoning' && (item.encrypted_content ?? undefined) === undefined && id !== ''
    const isReference =
      item.type === 'item_reference' || (item.type === undefined && item.role === undefined && id !== '')
    if (!isReference && !(bare && (slot === 'openai' || slot === 'azure'))) {
      items.push(item)
      continue
    }
    const known = memory.items.get(id)
    if (known?.slot !== slot || !known.stored) return { trouble: notFound(id) }
    items.push(known.item)
  }
  return { items }
}

function notFound(id: string): Trouble {
  const message = `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`
  return { status: 404, message, param: 'input' }
}

/** Which kind of item this is; a message may leave its type out. */
export function typeOf(item: Fields): string {
  return textOf(item.type) || 'message'
}

/** Which call an item answers or is. */
export function callIdOf(item: Fields): string {
  return textOf(item.call_id)
}
