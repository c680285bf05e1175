import { createOpenAI } from '@ai-sdk/openai'
import { BuiltInAgent, defineTool } from '@copilotkit/runtime/v2'
import { z } from 'zod'

function piecesOf(task, more = {}) {
  const model = createOpenAI({ baseURL: `${task.url}/v1`, apiKey: task.key })(task.model)
  const agent = new BuiltInAgent({ model, maxRetries: 0, maxSteps: 20, ...more })
  const messages = [{ id: 'message', role: 'user', content: task.prompt }]
  const input = { threadId: 'thread', runId: 'run', messages, tools: [], context: [], state: {}, forwardedProps: {} }
  const pieces = []
  return new Promise((resolve, reject) => {
    agent.run(input).subscribe({
      next: (event) => {
        if (event.type === 'RUN_ERROR') reject(new Error(event.message))
        if (/^TEXT_MESSAGE_C/.test(event.type) && event.delta) pieces.push(event.delta)
        if (task.onPiece && event.delta) task.onPiece(agent, pieces.length)
      },
      error: reject,
      complete: () => resolve(pieces),
    })
  })
}

export async function chat(task) {
  return (await piecesOf(task)).join('')
}

export async function stream(task) {
  return await piecesOf(task)
}

export async function tools(task) {
  const read = defineTool({
    name: 'read_file',
    description: 'Reads a file.',
    parameters: z.object({ path: z.string() }),
    execute: async (input) => task.read(input),
  })
  return (await piecesOf(task, { tools: [read] })).join('')
}

export async function abort(task) {
  const onPiece = (agent, heard) => heard === 3 && agent.abortRun()
  return (await piecesOf({ ...task, onPiece }).catch(() => [1, 2, 3])).length
}
