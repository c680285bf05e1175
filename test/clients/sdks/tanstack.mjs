import { chat as ask, maxIterations, toolDefinition } from '@tanstack/ai'
import { createOpenaiChat, createOpenaiChatCompletions } from '@tanstack/ai-openai'
import { z } from 'zod'

function asked(task, content = task.prompt) {
  const create = task.way === 'responses' ? createOpenaiChat : createOpenaiChatCompletions
  const adapter = create(task.model, task.key, { baseURL: `${task.url}/v1`, maxRetries: 0 })
  return { adapter, messages: [{ role: 'user', content }], logger: false, debug: false }
}

async function piecesOf(events) {
  const pieces = []
  for await (const event of events) {
    if (event.type === 'RUN_ERROR') throw new Error(event.message ?? event.error?.message)
    if (event.type === 'TEXT_MESSAGE_CONTENT' && event.delta) pieces.push(event.delta)
  }
  return pieces
}

export async function chat(task) {
  return (await piecesOf(ask(asked(task)))).join('')
}

export async function stream(task) {
  return await piecesOf(ask(asked(task)))
}

export async function tools(task) {
  const about = { name: 'read_file', description: 'Reads a file.', inputSchema: z.object({ path: z.string() }) }
  const read = toolDefinition(about).server(async (input) => task.read(input))
  const events = ask({ ...asked(task), tools: [read], agentLoopStrategy: maxIterations(20) })
  return (await piecesOf(events)).join('')
}

export async function structured(task) {
  return await ask({ ...asked(task), outputSchema: z.object({ city: z.string(), inhabitants: z.number() }) })
}

export async function image(task) {
  const source = { type: 'data', value: task.image, mimeType: 'image/png' }
  const content = [
    { type: 'text', content: task.prompt },
    { type: 'image', source },
  ]
  return (await piecesOf(ask(asked(task, content)))).join('')
}

export async function abort(task) {
  const abortController = new AbortController()
  let heard = 0
  for await (const event of ask({ ...asked(task), abortController })) {
    if (event.type === 'TEXT_MESSAGE_CONTENT' && ++heard === 3) abortController.abort()
  }
  return heard
}
