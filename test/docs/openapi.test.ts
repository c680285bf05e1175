import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { openApiDocument } from '../../src/cli/openapi/document.ts'
import type { JsonSchema } from '../../src/cli/openapi/json-schema.ts'
import { useRouter9WithUsage } from '../harness/platform-router9.ts'
import { until } from '../harness/until.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { bodiesOf, createFaultsOf } from './openapi-bodies.ts'

interface Operation {
  readonly operationId: string
  readonly security: readonly Readonly<Record<string, unknown>>[]
  readonly parameters?: readonly { name: string; in: string; required: boolean; example?: unknown }[]
  readonly requestBody?: { content: { 'application/json': { schema: JsonSchema; example: unknown } } }
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: JsonSchema }>> }>>
}
interface Described extends Operation {
  readonly path: string
  readonly method: string
}
type Fields = Readonly<Record<string, unknown>>

const router9 = useRouter9WithUsage()
const MANAGER = 'sk-r9k-manager-of-the-document'

const document = openApiDocument()
const operations: readonly Described[] = Object.entries(
  document.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>,
).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => ({ ...one, path, method })))

const faultsOf = createFaultsOf(document)

/** Sends a request to an operation as the document describes it. */
async function send(
  one: Described,
  asked: { values?: Fields; body?: unknown; query?: Fields } = {},
): Promise<Response> {
  const values: Fields = Object.fromEntries((one.parameters ?? []).map(({ name, example }) => [name, example]))
  const all = { ...values, ...asked.values }
  const path = one.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(all[name])))
  const query = new URLSearchParams(asked.query as Record<string, string>).toString()
  const key = one.security.some((scheme) => 'bearer' in scheme) ? DEMO_KEY : MANAGER
  return fetch(`${router9.url}${path}${query === '' ? '' : `?${query}`}`, {
    method: one.method.toUpperCase(),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  })
}

/** What one operation needs that only another one's answer can tell, by the operation's id. */
async function valuesFor(id: string): Promise<{ values?: Fields; query?: Fields }> {
  if (/^(get|delete|list|cancel)Response/.test(id)) return { values: { id: (await made('createResponse')).id } }
  if (/^(get|change|revoke|rotate)Key$/.test(id)) return { values: { id: (await madeRecord('createKey')).id } }
  if (/^(get|change|revoke)Team$/.test(id)) return { values: { id: (await madeRecord('createTeam')).id } }
  if (id === 'getGeneration') return { query: { id: (await made('createChatCompletion')).id } }
  return {}
}

async function made(id: string): Promise<Fields> {
  const one = operations.find(({ operationId }) => operationId === id) as Described
  const response = await send(one, { body: exampleOf(one) })
  return (await response.json()) as Fields
}

async function madeRecord(id: string): Promise<Fields> {
  return (await made(id)).data as Fields
}

function exampleOf({ requestBody }: Operation): unknown {
  return requestBody?.content['application/json'].example
}

/** The events of a stream, parsed. */
function eventsOf(text: string): readonly unknown[] {
  const data = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, line = '']) => line)
  return data.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line))
}

test('the document is one of OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
})

describe('the running Worker', { concurrent: true }, () => {
  test('serves every path of the document, and the document has every path that it serves', async () => {
    const response = await fetch(`${router9.url}/nothing`)
    const { error } = (await response.json()) as { error: { message: string } }
    const [, list = ''] = /Router9 serves (.*)\.$/.exec(error.message) ?? []
    // The methods of Gemini's API are one entry with commas in it.
    const entries = list.split(/, (?!:)/).flatMap((entry) => {
      const [begin = '', ...ends] = entry.split(', ')
      return [begin, ...ends.map((end) => begin.replace(/:\w+$/, end))]
    })
    const served = entries.flatMap((entry) => {
      const [, methods = '', path = ''] = /^(.*) (\S+)$/.exec(entry) ?? []
      return methods.split(' and ').map((method) => `${method} ${plain(path)}`)
    })
    const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${plain(path)}`)
    expect(described.toSorted()).toEqual(served.toSorted())
  })

  test.each(operations.map((one) => [one.operationId, one] as const))(
    'answers the example of %s as the document says',
    async (id, one) => {
      await router9.worker.keys.put(MANAGER, { id: 'key_manager_of_the_document', role: 'management' })
      const asked = { ...(await valuesFor(id)), body: exampleOf(one) }
      const [status = '', { content } = {}] = Object.entries(one.responses).find(([key]) => key.startsWith('2')) ?? []
      // A call is told of a moment after its end.
      const response = await until(
        () => send(one, asked),
        (answer) => id !== 'getGeneration' || answer.status !== 404,
      )
      const text = await response.text()
      if (content === undefined)
        return expect([response.status, faultsIn(one, response.status, text)]).toEqual([400, []])
      expect([response.status, text]).toEqual([Number(status), expect.anything()])
      expect(faultsOf(content['application/json']?.schema ?? { not: {} }, JSON.parse(text))).toEqual([])
      const event = content['text/event-stream']?.schema
      if (event === undefined) return
      const isGemini = id === 'streamGenerateContent'
      const stream = await send(
        one,
        isGemini ? { ...asked, query: { alt: 'sse' } } : { ...asked, body: { ...Object(asked.body), stream: true } },
      )
      const events = eventsOf(await stream.text())
      expect(stream.headers.get('content-type')).toContain('text/event-stream')
      expect(events.length).toBeGreaterThan(3)
      expect(events.flatMap((one) => faultsOf(event, one))).toEqual([])
    },
  )
})

test('a body that lacks a member, or has a wrong one, is refused with 400 wherever the document refuses it', async () => {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager_of_the_document', role: 'management' })
  const bodies = operations.flatMap((one) => {
    const name =
      String(one.requestBody?.content['application/json'].schema.$ref ?? '')
        .split('/')
        .at(-1) ?? ''
    // These are read by the readers of others.
    if (name === '' || /^Route|Count|Compact/.test(name)) return []
    return bodiesOf(document, faultsOf, name).refusedAbove.map((body) => ({ one, body }))
  })
  expect(bodies.length).toBeGreaterThan(100)
  const ids = new Map<string, string>()
  for (const id of ['changeKey', 'rotateKey', 'changeTeam']) {
    const { values } = await valuesFor(id)
    ids.set(id, String(values?.id))
  }
  const wrong: unknown[] = []
  await inTurns(bodies, async ({ one, body }) => {
    const id = ids.get(one.operationId)
    const response = await send(one, { body, ...(id === undefined ? {} : { values: { id } }) })
    await response.text()
    if (response.status !== 400) wrong.push([one.operationId, response.status, JSON.stringify(body)])
  })
  expect(wrong).toEqual([])
}, 60_000)

/** Does the work on all elements, eight at a time. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all]
  const next = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one)
  }
  await Promise.all(Array.from({ length: 8 }, next))
}

/** Two paths are one if they differ in the names of their parameters. Nearly all begin with `/v1`. */
function plain(path: string): string {
  return path.replace(/\{\w+\}/g, '{}').replace(/^\/v1(?=\/)/, '')
}

function faultsIn(one: Described, status: number, text: string): unknown {
  const { $ref = '' } = one.responses[status] as { $ref?: string }
  const name = $ref.split('/').at(-1) ?? ''
  const { responses } = document.components as {
    responses: Record<string, { content: { 'application/json': { schema: JsonSchema } } }>
  }
  return faultsOf(responses[name]?.content['application/json'].schema ?? { not: {} }, JSON.parse(text))
}
