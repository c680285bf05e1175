import { compatOaiModelRef, defineCompatOpenAIModel, openAICompatible } from '@genkit-ai/compat-oai'
import { genkit, z } from 'genkit'

// A model that the plugin does not know can do nothing, unless it is told.
const supports = {
  multiturn: true,
  tools: true,
  media: true,
  systemRole: true,
  output: ['text', 'json'],
  constrained: 'all',
}

function aiOf({ url, key, model }) {
  const name = `router9/${model}`
  const modelRef = compatOaiModelRef({ name, info: { supports } })
  const pluginOptions = { name: 'router9', apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 }
  const initializer = async (client) => [defineCompatOpenAIModel({ name, client, modelRef, pluginOptions })]
  return genkit({ plugins: [openAICompatible({ ...pluginOptions, initializer })] })
}

function asked({ model, prompt }, words = prompt) {
  return { model: `router9/${model}`, prompt: words }
}

export async function chat(task) {
  return (await aiOf(task).generate(asked(task))).text
}

export async function stream(task) {
  const pieces = []
  for await (const { text } of aiOf(task).generateStream(asked(task)).stream) if (text) pieces.push(text)
  return pieces
}

export async function tools(task) {
  const ai = aiOf(task)
  const about = { name: 'read_file', description: 'Reads a file.', inputSchema: z.object({ path: z.string() }) }
  const read = ai.defineTool({ ...about, outputSchema: z.string() }, async (input) => task.read(input))
  return (await ai.generate({ ...asked(task), tools: [read], maxTurns: 20 })).text
}

export async function structured(task) {
  const schema = z.object({ city: z.string(), inhabitants: z.number() })
  return (await aiOf(task).generate({ ...asked(task), output: { schema } })).output
}

export async function image(task) {
  const media = { url: `data:image/png;base64,${task.image}`, contentType: 'image/png' }
  return (await aiOf(task).generate(asked(task, [{ text: task.prompt }, { media }]))).text
}
