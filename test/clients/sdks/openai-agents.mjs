import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents'
import OpenAI from 'openai'
import { z } from 'zod'

setTracingDisabled(true)

function agentOf(task, more = {}) {
  const client = new OpenAI({ baseURL: `${task.url}/v1`, apiKey: task.key, maxRetries: 0 })
  const Model = task.way === 'responses' ? OpenAIResponsesModel : OpenAIChatCompletionsModel
  return new Agent({ name: 'helper', instructions: 'Be brief.', model: new Model(client, task.model), ...more })
}

function readerOf(task) {
  return tool({
    name: 'read_file',
    description: 'Reads a file.',
    parameters: z.object({ path: z.string() }),
    execute: task.read,
  })
}

export async function chat(task) {
  return (await run(agentOf(task), task.prompt)).finalOutput
}

export async function stream(task) {
  const pieces = []
  const result = await run(agentOf(task), task.prompt, { stream: true })
  for await (const piece of result.toTextStream()) pieces.push(piece)
  await result.completed
  return pieces
}

export async function tools(task) {
  return (await run(agentOf(task, { tools: [readerOf(task)] }), task.prompt, { maxTurns: 20 })).finalOutput
}

export async function structured(task) {
  const outputType = z.object({ city: z.string(), inhabitants: z.number() })
  return (await run(agentOf(task, { outputType }), task.prompt)).finalOutput
}

export async function image(task) {
  const image = { type: 'input_image', image: `data:image/png;base64,${task.image}` }
  const content = [{ type: 'input_text', text: task.prompt }, image]
  return (await run(agentOf(task), [{ role: 'user', content }])).finalOutput
}

export async function handoff(task) {
  const reader = agentOf(task, { name: 'reader', handoffDescription: 'Reads.', tools: [readerOf(task)] })
  const result = await run(agentOf(task, { handoffs: [reader] }), task.prompt)
  if (result.lastAgent?.name !== 'reader') throw new Error(`${result.lastAgent?.name} has the last word`)
  return result.finalOutput
}

export async function abort(task) {
  const controller = new AbortController()
  const result = await run(agentOf(task), task.prompt, { stream: true, signal: controller.signal })
  let heard = 0
  try {
    for await (const _ of result.toTextStream()) if (++heard === 3) controller.abort()
    await result.completed
  } catch (error) {
    if (!/abort/i.test(`${error.name} ${error.message}`)) throw error
  }
  return heard
}
