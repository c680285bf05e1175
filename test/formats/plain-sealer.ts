import type { Sealer } from '../../src/formats/format.ts'

/** Seals so that a test can read it. */
export const PLAIN_SEALER: Sealer = {
  seal: (value) => `ours:${JSON.stringify(value)}`,
  open: (text) => (text.startsWith('ours:') ? openPlain(text.slice(5)) : { kind: 'foreign' }),
}

function openPlain(text: string): ReturnType<Sealer['open']> {
  try {
    return { kind: 'ours', value: JSON.parse(text) }
  } catch {
    return { kind: 'forged' }
  }
}
