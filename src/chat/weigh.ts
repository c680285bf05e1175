/** Characters, weighted so that four of them make about a token: scripts beyond ASCII take more tokens a character. */
export function weigh(text: string): number {
  let weight = text.length
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) weight += 1.5
  return weight
}
