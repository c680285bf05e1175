/** How long a token is. */
export const TOKEN_CHARACTERS = 4

/** Cuts a text into tokens of about four characters, never inside a code point; joined they are the text again. */
export function tokenise(text: string): string[] {
  const tokens: string[] = []
  let token = ''
  let solid = 0
  for (const character of text) {
    const space = character.trim() === ''
    if (solid >= TOKEN_CHARACTERS || (space && solid > 0)) {
      tokens.push(token)
      token = ''
      solid = 0
    }
    token += character
    if (!space) solid += 1
  }
  if (token !== '') tokens.push(token)
  return tokens
}

/** How many tokens a prompt of this length counts as. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / TOKEN_CHARACTERS)
}

/** Puts several tokens into each event. */
export function grouped(tokens: readonly string[], tokensPerEvent: number): string[] {
  if (tokensPerEvent <= 1) return [...tokens]
  const groups: string[] = []
  for (let start = 0; start < tokens.length; start += tokensPerEvent) {
    groups.push(tokens.slice(start, start + tokensPerEvent).join(''))
  }
  return groups
}
