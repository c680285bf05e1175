import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toGeminiJsonSchema } from '../../../src/formats/gemini/schema.ts'
import { checkJsonSchema } from '../../simulator/gemini-schema.ts'
import type { Json } from '../asking.ts'

const text = { type: 'string' }
const count = { type: 'integer' }
const a = { type: 'object', properties: { a: text }, required: ['a'] }
const b = { type: 'object', properties: { b: count }, required: ['b'] }
const both = { type: 'object', properties: { a: text, b: count }, required: ['a', 'b'] }

test.each<[string, Json, Json]>([
  ['const becomes enum', { const: 'a' }, { enum: ['a'] }],
  ['also where it is null', { const: null }, { enum: [null] }],
  ['$schema goes', { $schema: 'a', type: 'object' }, { type: 'object' }],
  ['limits that it reads stay', { minimum: 1, maxItems: 2 }, { minimum: 1, maxItems: 2 }],
  ['oneOf is anyOf', { oneOf: [{ const: 1 }, count] }, { anyOf: [{ enum: [1] }, count] }],
  [
    'beside anyOf it stands in the description',
    { description: 'A thing.', anyOf: [text], oneOf: [{ const: 'a' }] },
    { description: 'A thing. (oneOf: [{"const":"a"}])', anyOf: [text] },
  ],
  [
    'contains stands in the description',
    { type: 'array', contains: { const: 1 } },
    { type: 'array', description: '(contains: {"const":1})' },
  ],
  [
    'a condition stands in the description',
    JSON.parse('{"type":"object","if":{"required":["a"]},"then":{"required":["b"]},"else":false}'),
    { type: 'object', description: '(if: {"required":["a"]}, then: {"required":["b"]}, else: false)' },
  ],
  [
    'a limit of a text stands in the description',
    { ...text, pattern: '^a', minLength: 1 },
    { ...text, description: '(pattern: "^a", minLength: 1)' },
  ],
  [
    'properties by pattern are properties of any name, and the description has the pattern',
    { type: 'object', patternProperties: { '^a': { const: 1 } }, additionalProperties: false },
    { type: 'object', additionalProperties: { enum: [1] }, description: '(names match one of: ["^a"])' },
  ],
  [
    'several patterns make a choice',
    { patternProperties: { '^a': text, '^b': count } },
    { additionalProperties: { anyOf: [text, count] }, description: '(names match one of: ["^a","^b"])' },
  ],
  ['all of several objects is one', { type: 'object', allOf: [a, b] }, both],
  ['all of one is that one', { description: 'c', allOf: [a] }, { description: 'c', ...a }],
  ['also within each other', { allOf: [{ allOf: [a] }, { oneOf: [text] }, b] }, { ...both, anyOf: [text] }],
  [
    'what cannot be merged stands in the description',
    { ...a, allOf: [{ properties: { a: { pattern: 'x' } } }] },
    { ...a, description: '(allOf: [{"properties":{"a":{"pattern":"x"}}}])' },
  ],
  [
    'all of a reference stands beside others',
    { type: 'object', allOf: [{ $ref: '#/$defs/a' }] },
    { type: 'object', anyOf: [{ $ref: '#/$defs/a' }] },
  ],
  [
    'beside a reference stands nothing but a description',
    { $ref: '#/$defs/a', title: 'b', minimum: 1, default: 2, description: 'c' },
    { $ref: '#/$defs/a', description: 'c (minimum: 1, default: 2)' },
  ],
  [
    'definitions of old are found',
    { $ref: '#/definitions/a', definitions: { a: { const: 1 } } },
    { $ref: '#/$defs/a', $defs: { a: { enum: [1] } } },
  ],
  ['tuples of old too', { items: [text, true], additionalItems: count }, { prefixItems: [text, {}], items: count }],
  ['null of old too', { ...text, nullable: true }, { type: ['string', 'null'] }],
  [
    'children are reached',
    { properties: { a: { items: { const: 1 } } }, $defs: { b: { additionalProperties: { const: 2 } } } },
    { properties: { a: { items: { enum: [1] } } }, $defs: { b: { additionalProperties: { enum: [2] } } } },
  ],
  [
    'a property may have the name of any keyword',
    { properties: { const: text, if: text, oneOf: text, __proto: text } },
    { properties: { const: text, if: text, oneOf: text, __proto: text } },
  ],
  ['what is no keyword is left out', { type: 'object', 'x-order': 1, $comment: 'a' }, { type: 'object' }],
])('%s', (_, schema, expected) => {
  expect(toGeminiJsonSchema(schema)).toEqual(expected)
})

test('any schema becomes one of keywords that Gemini reads, and is not changed itself', () => {
  const leaf = fc.record(
    { type: fc.constantFrom('string', 'object'), const: fc.string(), default: fc.jsonValue(), format: fc.string() },
    { requiredKeys: [] },
  )
  const { schema } = fc.letrec((tie) => {
    const child = tie('schema')
    const list = fc.array(child, { maxLength: 2 })
    const members = fc.dictionary(fc.constantFrom('a', '__proto__', 'const', 'if'), child, { maxKeys: 2 })
    const whole = fc.record(
      {
        $ref: fc.constantFrom('#/$defs/a', '#/definitions/a'),
        description: fc.string(),
        anyOf: list,
        oneOf: list,
        allOf: list,
        items: fc.oneof(child, list),
        contains: child,
        properties: members,
        patternProperties: members,
        additionalProperties: fc.oneof(child, fc.boolean()),
        $defs: members,
        definitions: members,
        if: child,
        not: child,
        uniqueItems: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    return { schema: fc.oneof({ maxDepth: 3 }, leaf, whole, fc.boolean()) }
  })
  fc.assert(
    fc.property(schema, (given) => {
      if (typeof given === 'boolean') return
      const before = JSON.stringify(given)
      expect(checkJsonSchema(JSON.parse(JSON.stringify(toGeminiJsonSchema(given as Json))), '')).toBeUndefined()
      expect(JSON.stringify(given)).toBe(before)
    }),
  )
})
