import { ChatAnthropic } from '@langchain/anthropic'
import { ChatOpenAI } from '@langchain/openai'
import { createAgent, tool } from 'langchain'
import { z } from 'zod'

function modelOf({ way, url, key, model }) {
  if (way === 'anthropic') {
    return new ChatAnthropic({ model, apiKey: key, anthropicApiUrl: url, maxRetries: 0, maxTokens: 4000 })
  }
  const configuration = { baseURL: `${url}/v1` }
  return new ChatOpenAI({ model, apiKey: key, configuration, maxRetries: 0, useResponsesApi: way === 'responses' })
}

export async function chat(task) {
  return (await modelOf(task).invoke(task.prompt)).text
}

export async function stream(task) {
  const pieces = []
  for await (const chunk of await modelOf(task).stream(task.prompt)) if (chunk.text) pieces.push(chunk.text)
  return pieces
}

export async function tools(task) {
  const about = { name: 'read_file', description: 'Reads a file.', schema: z.object({ path: z.string() }) }
  const agent = createAgent({ model: modelOf(task), tools: [tool(task.read, about)] })
  const { messages } = await agent.invoke({ messages: task.prompt }, { recursionLimit: 50 })
  return messages.at(-1).text
}

export async function structured(task) {
  const schema = z.object({ city: z.string(), inhabitants: z.number() })
  return await modelOf(task).withStructuredOutput(schema, { name: 'city' }).invoke(task.prompt)
}

export async function image(task) {
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${task.image}` } }
  return (await modelOf(task).invoke([{ role: 'user', content: [{ type: 'text', text: task.prompt }, picture] }])).text
}

export async function abort(task) {
  const controller = new AbortController()
  let heard = 0
  try {
    for await (const chunk of await modelOf(task).stream(task.prompt, { signal: controller.signal })) {
      if (chunk.text && ++heard === 3) controller.abort()
    }
  } catch (error) {
    if (!/abort/i.test(`${error.name} ${error.message}`)) throw error
  }
  return heard
}
