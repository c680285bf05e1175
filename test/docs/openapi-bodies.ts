import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonSchema } from '../../src/cli/openapi/json-schema.ts'
import { changesOf, samplesOf } from './schema-samples.ts'

type Fields = Readonly<Record<string, unknown>>

type FaultsOf = (schema: JsonSchema, value: unknown) => readonly unknown[]

/** What the schemas of a document say against values. */
export function createFaultsOf(document: Fields): FaultsOf {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ $id: 'document', ...document })
  const validators = new WeakMap<JsonSchema, ValidateFunction>()
  return (schema, value) => {
    const known = validators.get(schema)
    const whole = () => JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components'))
    const validate = known ?? ajv.compile(whole())
    validators.set(schema, validate)
    return validate(value) ? [] : (validate.errors ?? [])
  }
}

/** Bodies that a schema of the document takes, and some that it refuses: one for each place in them, and those of its own members. */
export function bodiesOf(
  document: Fields,
  faultsOf: FaultsOf,
  name: string,
): Record<'taken' | 'refused' | 'refusedAbove', readonly Fields[]> {
  const { schemas } = document.components as { schemas: Readonly<Record<string, JsonSchema>> }
  const schema = schemas[name] ?? {}
  const takes = (value: unknown) => faultsOf(schema, value).length === 0
  const samples = samplesOf(schema, (ref) => schemas[ref.split('/').at(-1) ?? ''] ?? {}).filter(takes)
  const taken = [...new Map(samples.map((one) => [JSON.stringify(one), one as Fields])).values()]
  const refused = new Map<string, Fields>()
  for (const sample of taken) {
    for (const { place, value } of changesOf(sample)) {
      // What is no object at all is refused before.
      if (place !== '' && !refused.has(place) && !takes(value)) refused.set(place, value as Fields)
    }
  }
  const above = [...refused].filter(([place]) => /^<\w*>[.-]\w+$/.test(place))
  return { taken, refused: [...refused.values()], refusedAbove: above.map(([, body]) => body) }
}
