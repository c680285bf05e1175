/** A short id for a long one, always the same: FNV-1a, repeated until there are enough letters. */
export function shortId(text: string, length: number): string {
  let name = ''
  for (let round = 0; name.length < length; round++) {
    let hash = 0x811c9dc5 ^ round
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    name += (hash >>> 0).toString(36)
  }
  return name.slice(0, length)
}
