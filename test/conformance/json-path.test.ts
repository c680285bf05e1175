import { expect, test } from 'vitest'
import type { JsonObject } from './json.ts'
import { pathSteps, setByPath } from './json-path.ts'

test('a path is read in both spellings', () => {
  expect(pathSteps(`$.a['b c'][2].d`)).toEqual(['a', 'b c', 2, 'd'])
})

test('pieces build nested arguments, and text that continues is joined', () => {
  const target: JsonObject = {}
  setByPath(target, { jsonPath: '$.place.name', stringValue: 'Bre' })
  setByPath(target, { jsonPath: '$.place.name', stringValue: 'men' })
  setByPath(target, { jsonPath: '$.days[1]', numberValue: 4 })
  setByPath(target, { jsonPath: '$.sure', boolValue: true })
  setByPath(target, { jsonPath: '$.until', nullValue: null })
  expect(JSON.stringify(target)).toBe('{"place":{"name":"Bremen"},"days":[null,4],"sure":true,"until":null}')
})
