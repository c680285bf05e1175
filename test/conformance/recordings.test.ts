import { expect, test } from 'vitest'
import { cutRecording, readManifest } from './manifest.ts'
import { readRecording } from './reading.ts'
import { eventEnds } from './wire.ts'

const folder = process.env.RECORDINGS ?? ''
const recordings = folder === '' ? [] : readManifest(folder)

test.skipIf(folder === '')('every recording can be read (skipped unless RECORDINGS names their folder)', () => {
  expect(recordings.length).toBeGreaterThan(0)
  for (const recording of recordings) {
    const { outcome, choices, usage } = readRecording(recording)
    if (recording.kind === 'error') expect([recording.file, outcome]).toEqual([recording.file, 'error-before-content'])
    if (usage !== undefined && usage.total !== null)
      expect(usage.total).toBe((usage.prompt ?? 0) + (usage.completion ?? 0))
    for (const { toolCalls } of choices) for (const call of toolCalls) expect(call.name).not.toBe('')
  }
})

test.skipIf(folder === '')('a stream cut after any event says the beginning of what it says whole', () => {
  for (const recording of recordings.filter(({ kind }) => kind === 'stream')) {
    const whole = readRecording(recording)
    const events = eventEnds(recording.wire, recording.contentType).length
    for (let count = 0; count < events; count += 1) {
      const part = readRecording(cutRecording(recording, { events: count }))
      for (const choice of part.choices) {
        const text = whole.choices.find(({ index }) => index === choice.index)?.text ?? ''
        expect([recording.file, count, text.startsWith(choice.text)]).toEqual([recording.file, count, true])
      }
      if (count === 0) expect([recording.file, part.outcome]).toEqual([recording.file, 'error-before-content'])
    }
  }
})
