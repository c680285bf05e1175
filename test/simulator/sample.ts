import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'

const DEEP = 5

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-15T09:30:00Z',
  date: '2026-01-15',
  time: '09:30:00Z',
  duration: 'PT30M',
  email: 'ada@example.com',
  hostname: 'example.com',
  uri: 'https://example.com/',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uuid: '3f2b8c1e-5d4a-4f6b-9a7c-0e1d2c3b4a59',
}

/** What a made-up value may use of the prompt; both lists are used up in order. */
export interface Material {
  strings: string[]
  numbers: number[]
}

/** Capitalised or quoted words and the numbers of a text. */
export function materialOf(text: string): Material {
  const quoted = [...text.matchAll(/["“']([^"”']{1,80})["”'](?![\p{L}])/gu)].map((match) => match[1] ?? '')
  const names: string[] = []
  const openings: string[] = []
  for (const match of text.matchAll(/\p{Lu}[\p{L}\p{M}'-]*(?:\s\p{Lu}[\p{L}\p{M}'-]*)*/gu)) {
    const [head = '', ...rest] = match[0].split(/\s/)
    // The first word of a sentence is capitalised anyway.
    const opens = /(^|[.!?:]\s*)$/.test(text.slice(0, match.index))
    const name = (opens ? rest : [head, ...rest]).filter((word) => word !== 'I' && !word.startsWith("I'")).join(' ')
    if (name !== '') names.push(name)
    else if (opens && !/^(wh|how|is|are|the|i\b|please|tell|can|could)/i.test(head)) openings.push(head)
  }
  const found = [quoted, names, openings].find((list) => list.length > 0) ?? []
  const numbers = [...text.matchAll(/-?\d+(?:\.\d+)?/g)].map((match) => Number(match[0]))
  return { strings: [...new Set(found)], numbers }
}

/** A value that satisfies the JSON (or OpenAPI) schema. */
export function sample(schema: Fields, material: Material): unknown {
  return make(schema, { root: schema, material, depth: 0, name: 'value' })
}

interface Place {
  root: Fields
  material: Material
  depth: number
  name: string
}

function make(given: Fields, place: Place): unknown {
  const schema = resolve(given, place)
  if ('const' in schema) return schema.const
  const values = listOf(schema.enum)
  if (values.length > 0) return values[0]
  const options = rowsOf(schema.anyOf ?? schema.oneOf)
  if (options.length > 0) return make(pick(options, place), place)
  switch (typeOf(schema)) {
    case 'object':
      return makeObject(schema, place)
    case 'array':
      return makeArray(schema, place)
    case 'integer':
      return Math.round(makeNumber(schema, place, 1))
    case 'number':
      return makeNumber(schema, place, 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return makeString(schema, place)
  }
}

function resolve(schema: Fields, place: Place): Fields {
  let current = schema
  for (let hops = 0; hops < 20 && typeof current.$ref === 'string'; hops += 1) {
    const { $ref, ...siblings } = current
    current = { ...follow(textOf($ref), place.root), ...siblings }
  }
  const parts = rowsOf(current.allOf).map((part) => resolve(part, place))
  if (parts.length === 0) return current
  const { allOf: _, ...own } = current
  const all = [own, ...parts]
  return {
    ...Object.assign({}, ...all),
    properties: Object.assign({}, ...all.map(({ properties }) => fieldsOf(properties))),
    required: all.flatMap(({ required }) => listOf(required)),
  }
}

function follow(reference: string, root: Fields): Fields {
  const steps = reference
    .replace(/^#\/?/, '')
    .split('/')
    .filter((step) => step !== '')
  let current: unknown = root
  for (const step of steps) current = fieldsOf(current)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')]
  return fieldsOf(current) ?? {}
}

// Deep inside a recursive schema the way out (null, or anything but another object) is taken.
function pick(options: Fields[], place: Place): Fields {
  const resolved = options.map((option) => resolve(option, place))
  const shallow = resolved.find((option) => !['object', 'array'].includes(typeOf(option)))
  const solid = resolved.find((option) => typeOf(option) !== 'null')
  return (place.depth >= DEEP ? shallow : undefined) ?? solid ?? resolved[0] ?? {}
}

function typeOf(schema: Fields): string {
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).map((type) => textOf(type).toLowerCase())
  const type = types.find((name) => name !== 'null') ?? types[0]
  if (type !== undefined && type !== '') return type
  if ('properties' in schema) return 'object'
  return 'items' in schema ? 'array' : 'string'
}

function makeObject(schema: Fields, place: Place): Fields {
  const properties = fieldsOf(schema.properties) ?? {}
  const required = listOf(schema.required).map(textOf)
  const names = Object.keys(properties)
  const wanted =
    place.depth >= DEEP || (place.depth === 0 && required.length > 0 && place.name === 'arguments')
      ? names.filter((name) => required.includes(name))
      : names
  const made: Fields = {}
  for (const name of [...wanted, ...required.filter((name) => !(name in properties))]) {
    made[name] = make(fieldsOf(properties[name]) ?? {}, { ...place, depth: place.depth + 1, name })
  }
  return made
}

function makeArray(schema: Fields, place: Place): unknown[] {
  const inner = { ...place, depth: place.depth + 1 }
  const fixed = rowsOf(schema.prefixItems).map((item) => make(item, inner))
  const least = numberOf(schema.minItems) ?? 0
  const most = numberOf(schema.maxItems) ?? Number.POSITIVE_INFINITY
  const items = fieldsOf(schema.items)
  if (items === undefined) return fixed
  const length = Math.min(most, Math.max(least, place.depth >= DEEP ? 0 : 2))
  const made = [...fixed]
  while (made.length < length) made.push(make(items, { ...inner, name: `${place.name} ${made.length + 1}` }))
  return made
}

function makeNumber(schema: Fields, place: Place, fallback: number): number {
  const step = numberOf(schema.multipleOf)
  const whole = typeOf(schema) === 'integer' ? 1 : 0.5
  const above = numberOf(schema.exclusiveMinimum)
  const below = numberOf(schema.exclusiveMaximum)
  const least = numberOf(schema.minimum) ?? (above === undefined ? Number.NEGATIVE_INFINITY : above + whole)
  const most = numberOf(schema.maximum) ?? (below === undefined ? Number.POSITIVE_INFINITY : below - whole)
  const value = Math.min(most, Math.max(least, place.material.numbers.shift() ?? fallback))
  return step === undefined || step === 0 ? value : Math.ceil(value / step) * step
}

function makeString(schema: Fields, place: Place): string {
  const formatted = FORMATS[textOf(schema.format)]
  if (formatted !== undefined) return formatted
  const least = numberOf(schema.minLength) ?? 0
  const most = numberOf(schema.maxLength) ?? Number.POSITIVE_INFINITY
  return (place.material.strings.shift() ?? `sample ${place.name}`).padEnd(least, '.').slice(0, most)
}

/** The arguments of a call: the required fields, or all of them when none is required. */
export function sampleArguments(schema: Fields, material: Material): Fields {
  return fieldsOf(make(schema, { root: schema, material, depth: 0, name: 'arguments' })) ?? {}
}
