import Anthropic from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { z } from 'zod'

function clientOf({ url, key }) {
  return new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 })
}

function asked({ model, prompt }) {
  return { model, max_tokens: 4000, messages: [{ role: 'user', content: prompt }] }
}

function textOf(message) {
  return message.content.flatMap((block) => (block.type === 'text' ? block.text : [])).join('')
}

export async function chat(task) {
  return textOf(await clientOf(task).messages.create(asked(task)))
}

export async function stream(task) {
  const pieces = []
  const stream = clientOf(task).messages.stream(asked(task))
  stream.on('text', (text) => pieces.push(text))
  const message = await stream.finalMessage()
  if (message.stop_reason !== 'end_turn' || textOf(message) !== pieces.join('')) throw new Error('not the same')
  return pieces
}

export async function tools(task) {
  const read = betaZodTool({
    name: 'read_file',
    description: 'Reads a file.',
    inputSchema: z.object({ path: z.string() }),
    run: task.read,
  })
  const thinking = { type: 'enabled', budget_tokens: 1024 }
  const runner = clientOf(task).beta.messages.toolRunner({
    ...asked(task),
    thinking,
    tools: [read],
    max_iterations: 20,
  })
  return textOf(await runner.runUntilDone())
}

export async function structured(task) {
  const format = zodOutputFormat(z.object({ city: z.string(), inhabitants: z.number() }))
  return (await clientOf(task).messages.parse({ ...asked(task), output_config: { format } })).parsed_output
}

export async function image(task) {
  const source = { type: 'base64', media_type: 'image/png', data: task.image }
  const content = [
    { type: 'image', source },
    { type: 'text', text: task.prompt },
  ]
  return textOf(await clientOf(task).messages.create({ ...asked(task), messages: [{ role: 'user', content }] }))
}

export async function abort(task) {
  const stream = await clientOf(task).messages.create({ ...asked(task), stream: true })
  let heard = 0
  for await (const { delta } of stream) if (delta?.type === 'text_delta' && ++heard === 3) stream.controller.abort()
  return heard
}

export async function models(task) {
  const names = []
  for await (const { id } of clientOf(task).models.list()) names.push(id)
  return names
}

export async function count(task) {
  const { model, messages } = asked(task)
  return (await clientOf(task).messages.countTokens({ model, messages })).input_tokens
}
