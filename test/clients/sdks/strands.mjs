import { Agent, ImageBlock, TextBlock, tool } from '@strands-agents/sdk'
import { OpenAIModel } from '@strands-agents/sdk/models/openai'
import { z } from 'zod'

function agentOf({ way, url, key, model }, more = {}) {
  const clientConfig = { baseURL: `${url}/v1`, maxRetries: 0 }
  return new Agent({
    model: new OpenAIModel({ api: way, modelId: model, apiKey: key, clientConfig }),
    printer: false,
    ...more,
  })
}

function textOf({ lastMessage }) {
  return lastMessage.content.map(({ text = '' }) => text).join('')
}

export async function chat(task) {
  return textOf(await agentOf(task).invoke(task.prompt))
}

export async function stream(task) {
  const pieces = []
  for await (const event of agentOf(task).stream(task.prompt)) {
    const { delta } = event.event ?? event
    if (delta?.type === 'textDelta') pieces.push(delta.text)
  }
  return pieces
}

export async function tools(task) {
  const read = tool({
    name: 'read_file',
    description: 'Reads a file.',
    inputSchema: z.object({ path: z.string() }),
    callback: task.read,
  })
  return textOf(await agentOf(task, { tools: [read] }).invoke(task.prompt))
}

export async function image(task) {
  const picture = new ImageBlock({
    format: 'png',
    source: { bytes: Uint8Array.from(Buffer.from(task.image, 'base64')) },
  })
  return textOf(await agentOf(task).invoke([new TextBlock(task.prompt), picture]))
}
