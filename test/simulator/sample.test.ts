import { expect, test } from 'vitest'
import { materialOf, sample, sampleArguments } from './sample.ts'

test('a value satisfies nested objects, lists, enums, choices, numbers and references', () => {
  const schema = {
    type: 'object',
    properties: {
      who: { $ref: '#/$defs/person' },
      mood: { enum: ['calm', 'busy'] },
      scores: { type: 'array', items: { type: 'integer', minimum: 10, maximum: 20 }, minItems: 3 },
      note: { anyOf: [{ type: 'null' }, { type: 'string', maxLength: 4 }] },
      done: { type: 'boolean' },
      kind: { const: 'report' },
      at: { type: 'string', format: 'date' },
    },
    required: ['who'],
    $defs: { person: { type: 'object', properties: { name: { type: 'string' }, age: { type: ['integer', 'null'] } } } },
  }
  expect(sample(schema, materialOf('Tell me about Ada, who is 36'))).toEqual({
    who: { name: 'Ada', age: 36 },
    mood: 'calm',
    scores: [10, 10, 10],
    note: 'samp',
    done: true,
    kind: 'report',
    at: '2026-01-15',
  })
})

test('a schema that holds itself comes to an end', () => {
  const node = {
    type: 'object',
    properties: { next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
    required: ['next'],
  }
  expect(JSON.stringify(sample(node, materialOf('')))).toContain('"next":null')
})

test('arguments hold the required fields, or all where none is required', () => {
  const properties = { a: { type: 'string' }, b: { type: 'number' } }
  expect(sampleArguments({ type: 'object', properties, required: ['b'] }, materialOf('take 7'))).toEqual({ b: 7 })
  expect(sampleArguments({ type: 'object', properties }, materialOf('take 7'))).toEqual({ a: 'sample a', b: 7 })
  expect(sampleArguments({}, materialOf(''))).toEqual({})
})

test('material is what is quoted or capitalised, but not the first word', () => {
  expect(materialOf('Compare New York with Rome').strings).toEqual(['New York', 'Rome'])
  expect(materialOf('Paris weather, please').strings).toEqual(['Paris'])
  expect(materialOf('Should I visit Oslo?').strings).toEqual(['Oslo'])
  expect(materialOf('Search for "red shoes" in Rome').strings).toEqual(['red shoes'])
})
