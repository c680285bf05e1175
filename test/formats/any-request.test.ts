import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { anthropic } from '../../src/formats/anthropic-messages/write-request.ts'
import { cohere } from '../../src/formats/cohere/write-request.ts'
import { gemini } from '../../src/formats/gemini/write-request.ts'
import { ollama } from '../../src/formats/ollama/write-request.ts'
import { type OpenAIQuirks, openai } from '../../src/formats/openai-chat/write-request.ts'
import { openaiResponses } from '../../src/formats/openai-responses/provider.ts'
import { type Asked, createAsker } from './asking.ts'
import { anyTraits, request } from './conversations.ts'
import {
  alternatingRequest,
  anthropicRequest,
  cohereRequest,
  geminiRequest,
  ollamaRequest,
  openaiRequest,
  responsesRequest,
} from './request-schemas.ts'

test.each([
  ['openai', createAsker(openai, {}), openaiRequest, 100],
  ['anthropic', createAsker(anthropic, {}), anthropicRequest, 100],
  ['responses', createAsker(openaiResponses, {}), responsesRequest, 40],
  ['gemini', createAsker(gemini, {}), geminiRequest, 100],
  ['openai, taking turns', createAsker<OpenAIQuirks>(openai, { alternatingRoles: true }), alternatingRequest, 40],
  ['ollama', createAsker(ollama, {}), ollamaRequest, 40],
  // Takes no files, no images but the user's, no JSON beside tools: the fewest of all.
  ['cohere', createAsker(cohere, {}), cohereRequest, 40],
])('%s: any request is refused in words, or becomes one that the provider takes', (_, ask, schema, least) => {
  let taken = 0
  fc.assert(
    fc.property(request, anyTraits, (fields, traits) => {
      let asked: Asked
      try {
        asked = ask(structuredClone(fields), traits)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        expect(error.fault).toBe('caller')
        expect(error.toError().param).toMatch(/./)
        return
      }
      taken++
      schema.parse(asked.body)
    }),
    { numRuns: 400 },
  )
  // Many requests are good ones; a format that refuses all would pass without this.
  expect(taken).toBeGreaterThan(least)
})

test.each([
  ['openai', createAsker(openai, {})],
  ['anthropic', createAsker(anthropic, {})],
  ['responses', createAsker(openaiResponses, {})],
  ['gemini', createAsker(gemini, {})],
  ['cohere', createAsker(cohere, {})],
  ['ollama', createAsker(ollama, {})],
])('%s: a request is not changed by being translated, and is translated alike each time', (_, ask) => {
  fc.assert(
    fc.property(request, anyTraits, (fields, traits) => {
      const before = structuredClone(fields)
      const attempt = () => {
        try {
          return ask(fields, traits).prepared.request
        } catch (error) {
          return (error as Error).message
        }
      }
      const first = attempt()
      expect(attempt()).toEqual(first)
      expect(fields).toEqual(before)
    }),
  )
})
