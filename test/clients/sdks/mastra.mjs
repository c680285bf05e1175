import { createOpenAI } from '@ai-sdk/openai'
import { Agent } from '@mastra/core/agent'
import { createTool } from '@mastra/core/tools'
import { z } from 'zod'

function agentOf(task, more = {}) {
  const { way, url, key, model } = task
  const chosen =
    way === 'responses'
      ? createOpenAI({ baseURL: `${url}/v1`, apiKey: key })(model)
      : { providerId: 'router9', modelId: model, url: `${url}/v1`, apiKey: key }
  return new Agent({ id: 'helper', name: 'helper', instructions: 'Be brief.', model: chosen, maxRetries: 0, ...more })
}

export async function chat(task) {
  return (await agentOf(task).generate(task.prompt)).text
}

export async function stream(task) {
  const pieces = []
  for await (const piece of (await agentOf(task).stream(task.prompt)).textStream) pieces.push(piece)
  return pieces
}

export async function tools(task) {
  const read_file = createTool({
    id: 'read_file',
    description: 'Reads a file.',
    inputSchema: z.object({ path: z.string() }),
    execute: async (input) => task.read(input.context ?? input),
  })
  return (await agentOf(task, { tools: { read_file } }).generate(task.prompt, { maxSteps: 20 })).text
}

export async function structured(task) {
  const schema = z.object({ city: z.string(), inhabitants: z.number() })
  return (await agentOf(task).generate(task.prompt, { structuredOutput: { schema } })).object
}

export async function image(task) {
  const image = { type: 'image', image: `data:image/png;base64,${task.image}`, mimeType: 'image/png' }
  return (await agentOf(task).generate([{ role: 'user', content: [{ type: 'text', text: task.prompt }, image] }])).text
}

export async function abort(task) {
  const controller = new AbortController()
  let heard = 0
  const { textStream } = await agentOf(task).stream(task.prompt, { abortSignal: controller.signal })
  for await (const _ of textStream) if (++heard === 3) controller.abort()
  return heard
}
