import { brief, check, UNKNOWN_MODEL } from './client.ts'

const SHOWN_CHARACTERS = 200

/** What a client says of a wrong key or model. @throws Wrong where that does not tell its user what is wrong. */
export function checkComplaint(cell: 'wrong key' | 'unknown model', text: string): string {
  const shown = brief(text, SHOWN_CHARACTERS)
  const isTelling = cell === 'wrong key' ? /key|401|auth/i.test(text) : text.includes(UNKNOWN_MODEL)
  check(isTelling, `says: ${shown}`)
  return shown
}
