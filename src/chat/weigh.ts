/** Longer texts are judged by their beginning: a prompt can be megabytes, and an estimate is all that is wanted. */
const SAMPLE_CHARACTERS = 2000

/** Characters, weighted so that four of them make about a token: scripts beyond ASCII take more tokens a character. */
export function weigh(text: string): number {
  const end = Math.min(text.length, SAMPLE_CHARACTERS)
  let beyond = 0
  for (let at = 0; at < end; at++) if (text.charCodeAt(at) > 127) beyond++
  return end === 0 ? 0 : text.length * (1 + (1.5 * beyond) / end)
}
