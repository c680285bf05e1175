import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

async function modelOf({ way, url, key, model }) {
  const options = { baseURL: `${url}/v1`, apiKey: key }
  switch (way) {
    case 'openai':
      return (await import('@ai-sdk/openai')).createOpenAI(options)(model)
    case 'openai.chat':
      return (await import('@ai-sdk/openai')).createOpenAI(options).chat(model)
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      return createOpenAICompatible({ ...options, name: 'router9', supportsStructuredOutputs: true })(model)
    }
    case 'anthropic':
      return (await import('@ai-sdk/anthropic')).createAnthropic(options)(model)
    case 'openrouter':
      return (await import('@openrouter/ai-sdk-provider')).createOpenRouter(options).chat(model)
  }
}

export async function chat(task) {
  return (await generateText({ model: await modelOf(task), prompt: task.prompt, maxRetries: 0 })).text
}

export async function stream(task) {
  const pieces = []
  const { textStream } = streamText({ model: await modelOf(task), prompt: task.prompt, onError: () => undefined })
  for await (const piece of textStream) pieces.push(piece)
  return pieces
}

export async function tools(task) {
  const read_file = tool({
    description: 'Reads a file.',
    inputSchema: z.object({ path: z.string() }),
    execute: task.read,
  })
  let failure
  const result = streamText({
    model: await modelOf(task),
    prompt: task.prompt,
    tools: { read_file },
    stopWhen: stepCountIs(20),
    maxRetries: 0,
    onError: ({ error }) => {
      failure = error
    },
  })
  await result.consumeStream()
  if (failure) throw failure
  return await result.text
}

export async function structured(task) {
  const schema = z.object({ city: z.string(), inhabitants: z.number() })
  return (await generateObject({ model: await modelOf(task), prompt: task.prompt, schema, maxRetries: 0 })).object
}

export async function image(task) {
  const image = { type: 'file', data: Buffer.from(task.image, 'base64'), mediaType: 'image/png' }
  const messages = [{ role: 'user', content: [{ type: 'text', text: task.prompt }, image] }]
  return (await generateText({ model: await modelOf(task), messages, maxRetries: 0 })).text
}

export async function abort(task) {
  const controller = new AbortController()
  const { textStream } = streamText({
    model: await modelOf(task),
    prompt: task.prompt,
    abortSignal: controller.signal,
    onError: () => undefined,
  })
  let heard = 0
  try {
    for await (const _ of textStream) if (++heard === 3) controller.abort()
  } catch (error) {
    if (error.name !== 'AbortError') throw error
  }
  return heard
}
