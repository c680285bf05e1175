import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Deployment } from '../../src/catalog/deployment.ts'
import { formatRow, parseRow } from '../../src/catalog/row.ts'
import type { Modality } from '../../src/formats/format.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9.:-]{0,20}[a-z0-9]$/)
const modalities = fc
  .uniqueArray(fc.constantFrom<Modality>('text', 'image', 'audio', 'video', 'pdf'))
  .map((list) => new Set(list))
const dollars = fc.integer({ min: 0, max: 10_000_000 }).map((micros) => micros / 10_000)
const reasoning = fc.oneof(
  fc.constant({ reasoning: false, toggle: false }),
  fc.record(
    {
      reasoning: fc.constant(true),
      toggle: fc.boolean(),
      efforts: fc.array(fc.constantFrom('none', 'low', 'high'), { minLength: 1 }),
      budget: fc.record({ min: fc.nat(), max: fc.integer({ min: 1 }) }, { requiredKeys: ['min'] }),
    },
    { requiredKeys: ['reasoning', 'toggle'] },
  ),
)
const deployment = fc.record(
  {
    provider: word,
    upstreamModel: fc.tuple(fc.constantFrom('', 'maker/', '@cf/maker/'), word).map((parts) => parts.join('')),
    traits: fc
      .record(
        {
          contextTokens: fc.nat(),
          outputTokens: fc.nat(),
          input: modalities,
          output: modalities,
          tools: fc.boolean(),
          jsonSchema: fc.boolean(),
          temperature: fc.boolean(),
          noSystem: fc.constant(true),
          noForcedTool: fc.constant(true),
          signsCalls: fc.constant(true),
          opensThinking: fc.constant(true),
        },
        { requiredKeys: ['contextTokens', 'outputTokens', 'input', 'output', 'tools', 'jsonSchema', 'temperature'] },
      )
      .chain((traits) => reasoning.map((reasons) => ({ ...traits, ...reasons }))),
    format: fc.constantFrom('openai-responses', 'openai-completions'),
    price: fc.record(
      { input: dollars, output: dollars, cacheRead: dollars, cacheWrite: dollars },
      { requiredKeys: ['input', 'output'] },
    ),
  },
  { requiredKeys: ['provider', 'upstreamModel', 'traits'] },
)

test('what is written in a row is read from it', () => {
  fc.assert(
    fc.property(word, word, fc.array(deployment), (id, owner, deployments: Deployment[]) => {
      const model = { id, owner, created: Date.UTC(2025, 0, 2) / 1000, deployments }
      expect(parseRow(formatRow({ model, released: '2025-01-02', aliases: ['one', 'two'] }))).toEqual(model)
    }),
  )
})

test('a model of vectors says how long they are, and whether it shortens them', () => {
  const rows = ['m|maker|2025-01||a = 10 5 t>e d - 1,0|b = 10 5 t>e - - -', 'c|maker|2025-01||a = 10 5 t>t - - -']
  const [vectors, chats] = rows.map(parseRow).map(({ deployments }) => deployments.map(({ traits }) => traits))
  expect(vectors).toMatchObject([
    { embedding: { dimensions: 5, shortens: true }, outputTokens: 0 },
    { embedding: { dimensions: 5 }, outputTokens: 0 },
  ])
  expect(vectors?.[1]?.embedding).not.toHaveProperty('shortens')
  expect(chats?.[0]).not.toHaveProperty('embedding')
  const models = rows.map((row) => ({ model: parseRow(row), released: '2025-01', aliases: [] }))
  expect(models.map(formatRow)).toEqual(rows)
})

test('an upstream id that ends in the public id is written short', () => {
  const row = 'm-1|maker|2025-01|m|a = 10 5 t>t - - -|b maker/= 10 5 t>t - - -'
  expect(parseRow(row).deployments.map(({ upstreamModel }) => upstreamModel)).toEqual(['m-1', 'maker/m-1'])
})

test('a free model has a price, a model without price has none', () => {
  const [free, unpriced] = parseRow('m|maker|2025-01||a = 10 5 t>t - - 0,0|b = 10 5 t>t - - -').deployments
  expect(free?.price).toEqual({ input: 0, output: 0 })
  expect(unpriced).not.toHaveProperty('price')
})
