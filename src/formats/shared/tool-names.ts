/** What OpenAI takes as the name of a function, and nearly all others too. */
const CHAT_NAME = /^[\w-]{1,64}$/
const MAX_NAME_CHARACTERS = 64

/** The name of a tool as a chat has it. @param key what tells the tool from others, where the name is too long or has more letters. */
export function toChatName(name: string, key = name): string {
  return CHAT_NAME.test(name) ? name : shortened(key)
}

/** A name that fits, and that no other tool is likely to get: its end is a hash (FNV-1a). */
export function shortened(key: string, round = 0): string {
  let hash = 0x811c9dc5 ^ round
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  const end = `_${(hash >>> 0).toString(36)}`
  const readable = key.replace(/[^\w-]+/g, '_').replace(/^_+|_+$/g, '')
  return `${readable.slice(0, MAX_NAME_CHARACTERS - end.length)}${end}`
}
