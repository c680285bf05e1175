import { ChatAnthropic } from '@langchain/anthropic'
import { ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings } from '@langchain/google-genai'
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { createAgent, tool } from 'langchain'
import { z } from 'zod'

function modelOf({ way, url, key, model }) {
  if (way === 'anthropic') {
    return new ChatAnthropic({ model, apiKey: key, anthropicApiUrl: url, maxRetries: 0, maxTokens: 4000 })
  }
  if (way === 'google') return new ChatGoogleGenerativeAI({ model, apiKey: key, baseUrl: url, maxRetries: 0 })
  const configuration = { baseURL: `${url}/v1` }
  if (way === 'completions') return new OpenAI({ model, apiKey: key, configuration, maxRetries: 0 })
  return new ChatOpenAI({ model, apiKey: key, configuration, maxRetries: 0, useResponsesApi: way === 'responses' })
}

// A model of completions gives a text.
function textOf(said) {
  return typeof said === 'string' ? said : said.text
}

export async function chat(task) {
  return textOf(await modelOf(task).invoke(task.prompt))
}

export async function stream(task) {
  const pieces = []
  for await (const chunk of await modelOf(task).stream(task.prompt)) if (textOf(chunk)) pieces.push(textOf(chunk))
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
      if (textOf(chunk) && ++heard === 3) controller.abort()
    }
  } catch (error) {
    if (!/abort/i.test(`${error.name} ${error.message}`)) throw error
  }
  return heard
}

export async function embeddings({ way, url, key, model, texts }) {
  const options = { model, apiKey: key, maxRetries: 0 }
  const embedder =
    way === 'google'
      ? new GoogleGenerativeAIEmbeddings({ ...options, baseUrl: url })
      : new OpenAIEmbeddings({ ...options, configuration: { baseURL: `${url}/v1` } })
  const [first, ...others] = texts
  return [await embedder.embedQuery(first), ...(await embedder.embedDocuments(others))]
}
