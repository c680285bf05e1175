/**
 * Ids of tool calls as this API takes them: letters, digits, `_` and `-`, each once in a conversation. An id that is none, or
 * that has come before, travels within one that is, and comes out again: its provider gets its own id back.
 */

const ID = /^[\w-]{1,128}$/
const PREFIX = 'toolu_r9_'
const UNIQUE_CHARACTERS = 8
/** A longer id does not come back. */
const MAX_CHARACTERS = 256
const UTF8 = new TextDecoder()

/** @param taken the ids of the conversation so far; the new one is added. @param newId gives a fresh end of an id. */
export function toToolId(id: string, taken: Set<string>, newId: () => string): string {
  const own = ID.test(id) && !taken.has(id) && !id.startsWith(PREFIX) ? id : wrapped(id, newId)
  taken.add(own)
  return own
}

function wrapped(id: string, newId: () => string): string {
  const bytes = new TextEncoder().encode(id.slice(0, MAX_CHARACTERS))
  const text = btoa(String.fromCharCode(...bytes))
  const plain = text.replace(/[+/=]/g, (letter) => (letter === '+' ? '-' : letter === '/' ? '_' : ''))
  return `${PREFIX}${plain}_${newId().padStart(UNIQUE_CHARACTERS, '0').slice(-UNIQUE_CHARACTERS)}`
}

/** The id that the provider gave. */
export function fromToolId(id: string): string {
  if (!id.startsWith(PREFIX)) return id
  const plain = id.slice(PREFIX.length, -UNIQUE_CHARACTERS - 1)
  try {
    const binary = atob(plain.replaceAll('-', '+').replaceAll('_', '/'))
    return UTF8.decode(Uint8Array.from(binary, (byte) => byte.charCodeAt(0)))
  } catch {
    return id
  }
}
