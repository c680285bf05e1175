import OpenAI, { AzureOpenAI } from 'openai'
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

function clientOf({ url, key, way }) {
  const options = { apiKey: key, maxRetries: 0 }
  if (way.startsWith('AzureOpenAI')) return new AzureOpenAI({ ...options, endpoint: url, apiVersion: '2024-10-21' })
  return new OpenAI({ ...options, baseURL: way.startsWith('Azure') ? `${url}/openai/v1` : `${url}/v1` })
}

function isResponses({ way }) {
  return way.includes('responses')
}

export async function chat(task) {
  const { way, model, prompt } = task
  if (isResponses(task)) return (await clientOf(task).responses.create({ model, input: prompt })).output_text
  if (way === 'completions') return (await clientOf(task).completions.create({ model, prompt })).choices[0].text
  const answer = await clientOf(task).chat.completions.create({ model, messages: [{ role: 'user', content: prompt }] })
  return answer.choices[0].message.content
}

export async function stream(task) {
  const { way, model, prompt } = task
  const pieces = []
  if (way === 'completions') {
    const stream = await clientOf(task).completions.create({ model, prompt, stream: true })
    for await (const { choices } of stream) if (choices[0]?.text) pieces.push(choices[0].text)
    return pieces
  }
  if (isResponses(task)) {
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
  const { model, prompt } = task
  if (isResponses(task)) {
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
  const { model, prompt } = task
  if (isResponses(task)) {
    const text = { format: zodTextFormat(City, 'city') }
    return (await clientOf(task).responses.parse({ model, input: prompt, text })).output_parsed
  }
  const messages = [{ role: 'user', content: prompt }]
  const format = zodResponseFormat(City, 'city')
  const answer = await clientOf(task).chat.completions.parse({ model, messages, response_format: format })
  return answer.choices[0].message.parsed
}

export async function image(task) {
  const { model, prompt } = task
  const url = `data:image/png;base64,${task.image}`
  if (isResponses(task)) {
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
  const asked = { model, stream: true }
  const messages = [{ role: 'user', content: prompt }]
  const stream = await (isResponses(task)
    ? client.responses.create({ ...asked, input: prompt })
    : way === 'completions'
      ? client.completions.create({ ...asked, prompt })
      : client.chat.completions.create({ ...asked, messages }))
  let heard = 0
  for await (const { type, choices: [choice] = [] } of stream) {
    const text = type === 'response.output_text.delta' || choice?.text || choice?.delta?.content
    if (text && ++heard === 3) stream.controller.abort()
  }
  return heard
}

export async function models(task) {
  const names = []
  for await (const { id } of clientOf(task).models.list()) names.push(id)
  return names
}

export async function count(task) {
  const { model, prompt: input } = task
  return (await clientOf(task).responses.inputTokens.count({ model, input })).input_tokens
}

// It asks for base64 by itself.
export async function embeddings(task) {
  const asked = { model: task.model, input: task.texts }
  const { data } = await clientOf(task).embeddings.create(asked)
  const floats = await clientOf(task).embeddings.create({ ...asked, encoding_format: 'float' })
  const vectors = data.map(({ embedding }) => embedding)
  for (const [at, { embedding }] of floats.data.entries()) {
    if (embedding.some((value, n) => Math.fround(value) !== vectors[at][n])) throw new Error('the encodings differ')
  }
  return vectors
}
