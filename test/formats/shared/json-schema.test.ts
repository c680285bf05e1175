import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toStrictSchema } from '../../../src/formats/shared/json-schema.ts'
import type { Json } from '../asking.ts'

describe("Anthropic's subset (translation 1.2)", () => {
  test.each<[string, Json, Json]>([
    [
      'closes objects',
      { type: 'object', properties: {} },
      { type: 'object', properties: {}, additionalProperties: false },
    ],
    [
      'closes open objects',
      { type: 'object', additionalProperties: true },
      { type: 'object', additionalProperties: false },
    ],
    [
      'closes objects that may be null',
      { type: ['object', 'null'] },
      { type: ['object', 'null'], additionalProperties: false },
    ],
    ['turns oneOf into anyOf', { oneOf: [{ type: 'string' }] }, { anyOf: [{ type: 'string' }] }],
    [
      'tells a second choice in words',
      { anyOf: [{ type: 'string' }], oneOf: [{ const: 'a' }] },
      { anyOf: [{ type: 'string' }], description: '(oneOf: [{"const":"a"}])' },
    ],
    ['drops what stands beside $ref', { $ref: '#/$defs/a', description: 'b' }, { $ref: '#/$defs/a' }],
    ['keeps minItems 1', { type: 'array', minItems: 1 }, { type: 'array', minItems: 1 }],
    ['keeps formats it knows', { type: 'string', format: 'uuid' }, { type: 'string', format: 'uuid' }],
    ['drops $schema', { $schema: 'a', type: 'string' }, { type: 'string' }],
    [
      'keeps enum, const, required and descriptions',
      { enum: [1], const: 1, required: ['a'], description: 'b' },
      { enum: [1], const: 1, required: ['a'], description: 'b' },
    ],
    [
      'reaches items, branches and definitions',
      { items: { minLength: 1 }, anyOf: [{ pattern: 'a' }], $defs: { a: { maximum: 1 } } },
      {
        items: { description: '(minLength: 1)' },
        anyOf: [{ description: '(pattern: "a")' }],
        $defs: { a: { description: '(maximum: 1)' } },
      },
    ],
  ])('%s', (_, schema, expected) => {
    expect(toStrictSchema(schema)).toEqual(expected)
  })

  test.each([
    ['minimum', 1],
    ['maximum', 1],
    ['multipleOf', 2],
    ['minLength', 1],
    ['maxLength', 2],
    ['pattern', '^a'],
    ['minItems', 2],
    ['maxItems', 3],
    ['uniqueItems', true],
    ['contains', { const: 1 }],
    ['patternProperties', { '^a': { type: 'string' } }],
    ['if', { required: ['a'] }],
    ['then', { required: ['b'] }],
    ['else', { required: ['c'] }],
    ['minProperties', 1],
    ['maxProperties', 1],
    ['not', { type: 'null' }],
    ['format', 'phone'],
  ])('tells the limit %s in words', (name, value) => {
    const strict = toStrictSchema({ type: 'string', description: 'A thing.', [name]: value })
    expect(strict).not.toHaveProperty(name)
    expect(strict.description).toMatch(/^A thing\./)
    expect(strict.description).toContain(name)
  })

  test('takes a property for a property, whatever its name', () => {
    const properties = {
      minimum: { type: 'number' },
      $ref: { type: 'string' },
      oneOf: { type: 'string' },
      format: { type: 'string' },
    }
    expect(toStrictSchema({ type: 'object', properties }).properties).toEqual(properties)
  })

  test('keeps definitions that refer to themselves', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } } }
    expect(toStrictSchema({ $ref: '#/$defs/node', $defs: { node } })).toEqual({
      $ref: '#/$defs/node',
      $defs: { node: { ...node, additionalProperties: false } },
    })
  })

  test('leaves no refused keyword in any schema', () => {
    const leaf = fc.record(
      { type: fc.constant('string'), maxLength: fc.nat(), format: fc.string() },
      { requiredKeys: [] },
    )
    const { schema } = fc.letrec((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.record({
          type: fc.constant('object'),
          properties: fc.dictionary(fc.constantFrom('a', '__proto__', 'type'), tie('schema')),
        }),
        fc.record({ oneOf: fc.array(tie('schema')), uniqueItems: fc.boolean() }),
        fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat() }),
      ),
    }))
    fc.assert(
      fc.property(schema, (given) => {
        const before = JSON.stringify(given)
        const strict = JSON.stringify(toStrictSchema(given as Json))
        expect(strict).not.toMatch(/"(maxLength|uniqueItems|oneOf)":/)
        expect(JSON.stringify(given)).toBe(before)
        expect(strict.match(/"type":"object"/g)?.length).toBe(strict.match(/"additionalProperties":false/g)?.length)
      }),
    )
  })
})
