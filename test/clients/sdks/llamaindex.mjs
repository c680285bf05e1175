import { OpenAI, OpenAIEmbedding, OpenAIResponses } from '@llamaindex/openai'
import { agent } from '@llamaindex/workflow'
import { tool } from 'llamaindex'
import { z } from 'zod'

function llmOf({ way, url, key, model }) {
  const Llm = way === 'responses' ? OpenAIResponses : OpenAI
  return new Llm({ model, apiKey: key, baseURL: `${url}/v1`, maxRetries: 0, supportToolCall: true })
}

function asked(task, content = task.prompt) {
  return { messages: [{ role: 'user', content }] }
}

function textOf(content) {
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('')
}

export async function chat(task) {
  return textOf((await llmOf(task).chat(asked(task))).message.content)
}

export async function stream(task) {
  const pieces = []
  for await (const { delta } of await llmOf(task).chat({ ...asked(task), stream: true })) if (delta) pieces.push(delta)
  return pieces
}

export async function tools(task) {
  const parameters = z.object({ path: z.string() })
  const read = tool({ name: 'read_file', description: 'Reads a file.', parameters, execute: task.read })
  return String((await agent({ llm: llmOf(task), tools: [read] }).run(task.prompt)).data.result)
}

export async function image(task) {
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${task.image}` } }
  return textOf((await llmOf(task).chat(asked(task, [{ type: 'text', text: task.prompt }, picture]))).message.content)
}

export async function embeddings({ url, key, model, texts }) {
  const embedder = new OpenAIEmbedding({ model, apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 })
  const [first, ...others] = texts
  return [await embedder.getTextEmbedding(first), ...(await embedder.getTextEmbeddings(others))]
}
