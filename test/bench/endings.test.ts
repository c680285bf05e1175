import { expect, inject, test } from 'vitest'
import { soakEndings } from './endings.ts'
import { setStage } from './stage.ts'

/** Of a call that stays whole, 20 KB of its prompt alone; of one that does not, what the heap wanders by. */
const MAX_KB_A_CALL = 8

test('no call stays in memory, however it ends', { timeout: 120_000 }, async () => {
  const bundle = { file: inject('bundle') }
  const stage = await setStage(bundle, undefined)
  try {
    const targets = await soakEndings(stage, { calls: 100 }, console.log)
    expect(targets.length).toBeGreaterThan(8)
    for (const { name, value } of targets) expect(value, name).toBeLessThan(MAX_KB_A_CALL)
  } finally {
    await stage.close()
  }
})
