import { PROVIDERS } from '../../src/catalog/providers.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const HEX = '0123456789abcdef'

/** The same text for the same seed, so that what is found can be found again. */
function text(seed: string, length: number, alphabet = ALPHABET): string {
  let state = [...seed].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7)
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return alphabet[(state >>> 8) % alphabet.length]
  }).join('')
}

// Providers' keys look very different; some have no mark by which anybody could tell them from other words.
const FORMS: Readonly<Record<string, (id: string) => string>> = {
  openai: (id) => `sk-proj-${text(id, 48)}`,
  anthropic: (id) => `sk-ant-api03-${text(id, 40)}-${text(`${id}2`, 8)}AA`,
  google: (id) => `AIzaSy${text(id, 33)}`,
  groq: (id) => `gsk_${text(id, 52)}`,
  xai: (id) => `xai-${text(id, 80)}`,
  openrouter: (id) => `sk-or-v1-${text(id, 64, HEX)}`,
  together: (id) => text(id, 64, HEX),
  fireworks: (id) => `fw_${text(id, 22)}`,
  cerebras: (id) => `csk-${text(id, 48)}`,
  perplexity: (id) => `pplx-${text(id, 48)}`,
  azure: (id) => text(id, 84),
  cohere: (id) => text(id, 40),
}

/** A made-up key for every provider, in the form of its real ones; 32 letters and digits where it has no other. */
export function madeUpKeys(): ReadonlyMap<string, string> {
  return new Map(PROVIDERS.map(({ id }) => [id, (FORMS[id] ?? ((name) => text(name, 32)))(id)]))
}

/** The settings that hold them. */
export function keySettings(keys: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(PROVIDERS.map(({ id, settingPrefix }) => [`${settingPrefix}_API_KEY`, keys.get(id) ?? '']))
}
