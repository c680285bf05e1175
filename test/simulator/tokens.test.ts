import { expect, test } from 'vitest'
import { grouped, tokenise } from './tokens.ts'

test('tokens join to the text again and never break a character', () => {
  const text = 'Grüße,  你好\n👩‍👩‍👧 🙂 unbelievable '
  const tokens = tokenise(text)
  expect(tokens.join('')).toBe(text)
  expect(tokens.length).toBeGreaterThan(6)
  expect(tokens.every((token) => token.isWellFormed())).toBe(true)
  expect(grouped(tokens, 4).join('')).toBe(text)
})
