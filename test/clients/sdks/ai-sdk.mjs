import { embed, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

async function providerOf({ way, url, key }) {
  const options = { baseURL: `${url}/v1`, apiKey: key }
  switch (way) {
    case 'openai':
    case 'openai.chat':
      return (await import('@ai-sdk/openai')).createOpenAI(options)
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      return createOpenAICompatible({ ...options, name: 'router9', supportsStructuredOutputs: true })
    }
    case 'anthropic':
      return (await import('@ai-sdk/anthropic')).createAnthropic(options)
    case 'google':
      return (await import('@ai-sdk/google')).createGoogleGenerativeAI({ ...options, baseURL: `${url}/v1beta` })
    case 'openrouter':
      return (await import('@openrouter/ai-sdk-provider')).createOpenRouter({ ...options, baseURL: `${url}/api/v1` })
  }
}

async function modelOf(task) {
  const provider = await providerOf(task)
  return task.way === 'openai.chat' || task.way === 'openrouter' ? provider.chat(task.model) : provider(task.model)
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

export async function embeddings(task) {
  const model = (await providerOf(task)).textEmbeddingModel(task.model)
  const [first, ...others] = task.texts
  const { embedding } = await embed({ model, value: first, maxRetries: 0 })
  return [embedding, ...(await embedMany({ model, values: others, maxRetries: 0 })).embeddings]
}
