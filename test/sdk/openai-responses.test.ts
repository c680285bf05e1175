import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { useRouter9 } from '../harness/router9.ts'
import { openaiAt, TWELVE } from './setting.ts'
import { CITIES, WEATHER_QUESTION, weatherOf, weatherTool } from './weather.ts'

const router9 = useRouter9()
let client: OpenAI

beforeAll(() => {
  client = openaiAt(router9, { maxRetries: 0 })
})

beforeEach(() => router9.simulator.clearRequests())
afterEach(() => router9.simulator.clearFaults())

type Item = OpenAI.Responses.ResponseInputItem
type Output = OpenAI.Responses.ResponseOutputItem

/** OpenAI's own models, which are asked in this API; makers that sign their calls, and one that shows its reasoning. */
const MODELS = ['gpt-4o', 'gpt-5.2', 'claude-sonnet-4-5', 'gemini-3.5-flash', 'deepseek/deepseek-v4-pro']

const REASONING = {
  include: ['reasoning.encrypted_content' as const],
  reasoning: { effort: 'medium' as const, summary: 'auto' as const },
}

const weather = { type: 'function' as const, strict: null, ...weatherTool.function }
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

function callsIn(output: readonly Output[]): OpenAI.Responses.ResponseFunctionToolCall[] {
  return output.filter((item) => item.type === 'function_call')
}

/** The results of all calls of an answer. */
function resultsOf(output: readonly Output[]): Item[] {
  return callsIn(output).map(({ call_id, arguments: text }) => ({
    type: 'function_call_output',
    call_id,
    output: weatherOf(JSON.parse(text).city),
  }))
}

describe.each(MODELS)('%s', (model) => {
  test('answers whole and in a stream', async () => {
    const response = await client.responses.create({ model, input: 'Count to 12', store: false })
    expect(response).toMatchObject({ object: 'response', status: 'completed', output_text: TWELVE, error: null })
    expect(response.id).toMatch(/^resp_\w{28}$/)
    const stream = client.responses.stream({ model, input: 'Count to 12', store: false })
    let text = ''
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta
    })
    const final = await stream.finalResponse()
    expect([text, final.output_text]).toEqual([TWELVE, TWELVE])
    expect(final.usage?.output_tokens).toBeGreaterThan(0)
  })

  test('goes through two rounds of two calls at once, with what it wants back', async () => {
    const input: Item[] = []
    const ask = () =>
      client.responses
        .stream({
          model,
          input,
          tools: [weather],
          store: false,
          // OpenAI refuses both where a model does not reason.
          ...(model === 'gpt-4o' ? {} : REASONING),
        })
        .finalResponse()
    for (const [question, cities] of [
      [WEATHER_QUESTION, CITIES],
      ['And what is the weather in Oslo and in Cairo?', ['Oslo', 'Cairo']],
    ] as const) {
      input.push({ role: 'user', content: question })
      const called = await ask()
      expect(callsIn(called.output)).toHaveLength(2)
      input.push(...(called.output as Item[]), ...resultsOf(called.output))
      const answer = await ask()
      for (const city of cities) expect(answer.output_text).toContain(weatherOf(city))
      input.push(...(answer.output as Item[]))
    }
    expect(JSON.stringify(router9.simulator.requests().map(({ body }) => body))).not.toContain('r9s1.')
  })

  test('calls a custom tool, and one in a namespace', async () => {
    const tools = [
      { type: 'custom', name: 'apply_patch', description: 'Edits files.', format: { type: 'text' } },
      { type: 'namespace', name: 'mcp', description: 'Weather.', tools: [weather] },
    ] as unknown as OpenAI.Responses.Tool[]
    const isNative = model.startsWith('gpt')
    const order = `[[sim * call=${isNative ? 'get_weather' : 'mcp__get_weather'} {"city":"Paris"}]]`
    const { output } = await client.responses.stream({ model, input: order, tools, store: false }).finalResponse()
    expect(callsIn(output)).toMatchObject([{ name: 'get_weather', arguments: '{"city":"Paris"}' }])
    if (!isNative) expect(callsIn(output)).toMatchObject([{ namespace: 'mcp' }])

    const patch = '*** Begin Patch\n+"é"\n*** End Patch'
    const argument = JSON.stringify(isNative ? patch : { input: patch })
    const asked = { model, input: `[[sim * call=apply_patch ${argument}]]`, tools, store: false }
    const whole = await client.responses.create(asked)
    const streamed = await client.responses.stream(asked).finalResponse()
    for (const { output: items } of [whole, streamed]) {
      expect(items.filter(({ type }) => type === 'custom_tool_call')).toMatchObject([
        { name: 'apply_patch', input: patch },
      ])
    }
  })

  test('answers by a schema, and to a picture', async () => {
    // DeepSeek has neither.
    if (model.startsWith('deepseek')) return
    const format = zodTextFormat(z.object({ city: z.string(), degrees: z.number() }), 'weather')
    const parsed = await client.responses.parse({ model, input: 'Weather in Paris?', text: { format }, store: false })
    expect(parsed.output_parsed).toEqual({ city: expect.any(String), degrees: expect.any(Number) })
    const content: OpenAI.Responses.ResponseInputContent[] = [
      { type: 'input_text', text: 'What is in this picture?' },
      { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'low' },
    ]
    const { output_text } = await client.responses.create({ model, input: [{ role: 'user', content }], store: false })
    expect(output_text).toMatch(/image|picture/i)
  })

  test('says why an answer is not whole', async () => {
    const { status, incomplete_details } = await client.responses
      .stream({ model, input: 'Count to 100', max_output_tokens: 16, store: false })
      .finalResponse()
    expect([status, incomplete_details?.reason]).toEqual(['incomplete', 'max_output_tokens'])
  })

  test('fails with the error of the API before the first event, and with response.failed after it', async () => {
    const asked = { model, store: false, stream: true } as const
    const refused = client.responses.create({ ...asked, input: '[[sim * status=400 message="No."]] Hi' })
    await expect(refused).rejects.toBeInstanceOf(OpenAI.APIError)
    const events: OpenAI.Responses.ResponseStreamEvent[] = []
    for await (const event of await client.responses.create({ ...asked, input: '[[sim * cut=6]] Count to 100' })) {
      events.push(event)
    }
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' } },
    })
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at))
  })
})

describe("a tool that only OpenAI's API has", () => {
  const tools: OpenAI.Responses.Tool[] = [{ type: 'code_interpreter', container: { type: 'auto' } }]

  test('is refused by its name where no deployment has it', async () => {
    const asked = client.responses.create({ model: 'gemini-3.5-flash', input: 'Hi', tools, store: false })
    await expect(asked).rejects.toMatchObject({ status: 400, code: 'model_not_capable', param: 'tools[0].type' })
  })

  test('takes the request to a model that has it, if there is one', async () => {
    const body = { model: 'gemini-3.5-flash', models: ['gpt-5.2'], input: 'Count to 12', tools, store: false }
    expect((await client.responses.create(body)).model).toBe('gpt-5.2')
  })
})

test('sealed reasoning that was changed is refused', async () => {
  const { output } = await client.responses.create({
    model: 'deepseek/deepseek-v4-pro',
    input: 'Think.',
    reasoning: { effort: 'high' },
    store: false,
  })
  const reasoning = output.find((item) => item.type === 'reasoning')
  const changed = { ...reasoning, encrypted_content: `${reasoning?.encrypted_content?.slice(0, -4)}AAAA` } as Item
  const input: Item[] = [{ role: 'user', content: 'Think.' }, changed, { role: 'user', content: 'Again.' }]
  const asked = client.responses.create({ model: 'gemini-3.5-flash', input, store: false })
  await expect(asked).rejects.toMatchObject({ status: 400, param: 'input[1].encrypted_content' })
})

test('a part that a provider cannot take is named by its place in the input', async () => {
  const input: Item[] = [{ role: 'user', content: [{ type: 'input_file', file_data: 'data:x' }] }]
  const asked = client.responses.create({ model: 'anthropic/claude-sonnet-4-5', input, store: false })
  await expect(asked).rejects.toMatchObject({ status: 400, param: 'input[0].content[0].file_data' })
})
