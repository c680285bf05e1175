import { OpenRouter } from '@openrouter/sdk'

const City = {
  type: 'object',
  properties: { city: { type: 'string' }, inhabitants: { type: 'number' } },
  required: ['city', 'inhabitants'],
  additionalProperties: false,
}
const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }
const read_file = { type: 'function', function: { name: 'read_file', description: 'Reads a file.', parameters } }

function clientOf({ url, key }) {
  return new OpenRouter({ serverURL: `${url}/api/v1`, apiKey: key, retryConfig: { strategy: 'none' } })
}

function send(task, more = {}, options = {}) {
  const messages = [{ role: 'user', content: task.prompt }]
  return clientOf(task).chat.send({ chatRequest: { model: task.model, messages, ...more } }, options)
}

export async function chat(task) {
  return (await send(task)).choices[0].message.content
}

export async function stream(task) {
  const pieces = []
  for await (const { choices } of await send(task, { stream: true })) {
    if (choices[0]?.delta.content) pieces.push(choices[0].delta.content)
  }
  return pieces
}

export async function tools(task) {
  const messages = [{ role: 'user', content: task.prompt }]
  for (;;) {
    const { message } = (await send(task, { messages, tools: [read_file], reasoning: { effort: 'low' } })).choices[0]
    if (!message.toolCalls?.length) return message.content
    messages.push(message)
    for (const { id, function: called } of message.toolCalls) {
      messages.push({ role: 'tool', toolCallId: id, content: task.read(JSON.parse(called.arguments)) })
    }
  }
}

export async function structured(task) {
  const responseFormat = { type: 'json_schema', jsonSchema: { name: 'city', strict: true, schema: City } }
  return JSON.parse((await send(task, { responseFormat })).choices[0].message.content)
}

export async function image(task) {
  const content = [
    { type: 'text', text: task.prompt },
    { type: 'image_url', imageUrl: { url: `data:image/png;base64,${task.image}` } },
  ]
  return (await send(task, { messages: [{ role: 'user', content }] })).choices[0].message.content
}

export async function abort(task) {
  const controller = new AbortController()
  let heard = 0
  try {
    const options = { fetchOptions: { signal: controller.signal } }
    for await (const { choices } of await send(task, { stream: true }, options)) {
      if (choices[0]?.delta.content && ++heard === 3) controller.abort()
    }
  } catch (error) {
    if (!/abort/i.test(`${error.name} ${error.message}`)) throw error
  }
  return heard
}

export async function models(task) {
  const names = []
  for await (const { result } of await clientOf(task).models.list()) names.push(...result.data.map(({ id }) => id))
  return names
}

export async function embeddings(task) {
  const requestBody = { model: task.model, input: task.texts }
  const { data } = await clientOf(task).embeddings.generate({ requestBody })
  return data.toSorted((one, other) => one.index - other.index).map(({ embedding }) => embedding)
}
