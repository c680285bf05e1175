import type { Traits } from '../formats/format.ts'
import { ALL_EFFORTS } from '../formats/shared/effort.ts'

/** A model that the catalogue cannot know, on the operator's own server: assumed to be able to do everything. */
export const unlistedModelTraits: Traits = {
  contextTokens: 0,
  outputTokens: 0,
  input: new Set(['text', 'image', 'audio', 'video', 'pdf']),
  output: new Set(['text']),
  tools: true,
  jsonSchema: true,
  temperature: true,
  reasoning: true,
  efforts: ALL_EFFORTS,
  toggle: true,
}
