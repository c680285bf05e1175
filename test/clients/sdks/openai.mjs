import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'

const City = z.object({ city: z.string(), inhabitants: z.number() })
const parameters = {
  type: 'object',
  properties: { path: { type: 'string' } },
  required: ['path'],
  additionalProperties: false,
}
const about = { name: 'read_file', description: 'Reads a file.', parameters, strict: true }

function clientOf({ url, key }) {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
}

export async function chat(task) {
  const { way, model, prompt } = task
  if (way === 'responses') return (await clientOf(task).responses.create({ model, input: prompt })).output_text
  const answer = await clientOf(task).chat.completions.create({ model, messages: [{ role: 'user', content: prompt }] })
  return answer.choices[0].message.content
}

export async function stream(task) {
  const { way, model, prompt } = task
  const pieces = []
  if (way === 'responses') {
    const stream = clientOf(task).responses.stream({ model, input: prompt })
    stream.on('response.output_text.delta', ({ delta }) => pieces.push(delta))
    const response = await stream.finalResponse()
    if (response.status !== 'completed' || response.output_text !== pieces.join('')) throw new Error('not the same')
    return pieces
  }
  const stream = clientOf(task).chat.completions.stream({ model, messages: [{ role: 'user', content: prompt }] })
  stream.on('content.delta', ({ delta }) => pieces.push(delta))
  await stream.finalChatCompletion()
  return pieces
}

export async function tools(task) {
  const { way, model, prompt } = task
  if (way === 'responses') {
    const client = clientOf(task)
    const tools = [{ type: 'function', ...about }]
    let response = await client.responses.create({ model, input: prompt, tools })
    for (;;) {
      const calls = response.output.filter(({ type }) => type === 'function_call')
      if (calls.length === 0) return response.output_text
      const input = calls.map(({ call_id, arguments: text }) => ({
        type: 'function_call_output',
        call_id,
        output: task.read(JSON.parse(text)),
      }))
      response = await client.responses.create({ model, input, tools, previous_response_id: response.id })
    }
  }
  const runner = clientOf(task).chat.completions.runTools(
    {
      model,
      messages: [{ role: 'user', content: prompt }],
      tools: [{ type: 'function', function: { ...about, function: task.read, parse: JSON.parse } }],
    },
    { maxChatCompletions: 20 },
  )
  return await runner.finalContent()
}

export async function structured(task) {
  const { way, model, prompt } = task
  if (way === 'responses') {
    const text = { format: zodTextFormat(City, 'city') }
    return (await clientOf(task).responses.parse({ model, input: prompt, text })).output_parsed
  }
  const messages = [{ role: 'user', content: prompt }]
  const format = zodResponseFormat(City, 'city')
  const answer = await clientOf(task).chat.completions.parse({ model, messages, response_format: format })
  return answer.choices[0].message.parsed
}

export async function image(task) {
  const { way, model, prompt } = task
  const url = `data:image/png;base64,${task.image}`
  if (way === 'responses') {
    const content = [
      { type: 'input_text', text: prompt },
      { type: 'input_image', image_url: url, detail: 'auto' },
    ]
    return (await clientOf(task).responses.create({ model, input: [{ role: 'user', content }] })).output_text
  }
  const content = [
    { type: 'text', text: prompt },
    { type: 'image_url', image_url: { url } },
  ]
  const answer = await clientOf(task).chat.completions.create({ model, messages: [{ role: 'user', content }] })
  return answer.choices[0].message.content
}

export async function abort(task) {
  const { way, model, prompt } = task
  const client = clientOf(task)
  const stream =
    way === 'responses'
      ? await client.responses.create({ model, input: prompt, stream: true })
      : await client.chat.completions.create({ model, messages: [{ role: 'user', content: prompt }], stream: true })
  let heard = 0
  for await (const event of stream) {
    const text = way === 'responses' ? event.type === 'response.output_text.delta' : event.choices[0]?.delta.content
    if (text && ++heard === 3) stream.controller.abort()
  }
  return heard
}
