import type OpenAI from 'openai'
import { beforeAll, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { openaiAt, PINNED, TWELVE } from './setting.ts'
import { CITIES, WEATHER_QUESTION, weatherOf, weatherTool } from './weather.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(() => {
  client = openaiAt(router9)
})

type Item = OpenAI.Responses.ResponseInputItem

const weather = { type: 'function' as const, strict: null, ...weatherTool.function }

/** The results of all calls of an answer. */
function resultsIn(output: readonly OpenAI.Responses.ResponseOutputItem[]): Item[] {
  return output.flatMap((item) =>
    item.type === 'function_call'
      ? [{ type: 'function_call_output', call_id: item.call_id, output: weatherOf(JSON.parse(item.arguments).city) }]
      : [],
  )
}

test.each(PINNED)('$model answers with text, whole and streamed', async ({ model }) => {
  const response = await client.responses.create({ model, input: 'Count to 12', instructions: 'Be brief.' })
  expect(response).toMatchObject({ object: 'response', status: 'completed', output_text: TWELVE, error: null })
  const stream = client.responses.stream({ model, input: 'Count to 12' })
  let text = ''
  stream.on('response.output_text.delta', ({ delta }) => {
    text += delta
  })
  expect((await stream.finalResponse()).output_text).toBe(TWELVE)
  expect(text).toBe(TWELVE)
})

test.each(PINNED)('$model calls a function twice at once and uses both results', async ({ model }) => {
  const input: Item[] = [{ role: 'user', content: WEATHER_QUESTION }]
  const tools = [weather]
  const first = await client.responses.stream({ model, input, tools, store: false }).finalResponse()
  const results = resultsIn(first.output)
  expect(results).toHaveLength(CITIES.length)
  input.push(...(first.output as Item[]), ...results)
  const second = await client.responses.create({ model, input, tools, store: false })
  for (const city of CITIES) expect(second.output_text).toContain(weatherOf(city))
})
