import { describe, expect, inject, test } from 'vitest'
import { PAIR_EXCEPTIONS } from './pair-exceptions.ts'
import { playPairs } from './pair-run.ts'

const folder = process.env.CLIENT_RECORDINGS ?? ''

describe.skipIf(folder === '')(
  'what clients sent and got (skipped unless CLIENT_RECORDINGS names their folder)',
  () => {
    test('goes through the same in both directions where the provider speaks the same API, and each exception is in use', async () => {
      const results = await playPairs(folder, '', inject('bundle'))
      expect(results.length).toBeGreaterThan(0)
      expect(results.flatMap(({ differences }) => differences)).toEqual([])
      const used = new Set(results.flatMap(({ excused }) => excused.map(({ why }) => why)))
      expect(PAIR_EXCEPTIONS.filter(({ why }) => !used.has(why))).toEqual([])
    }, 60_000)
  },
)
