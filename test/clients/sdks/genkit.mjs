import { compatOaiModelRef, openAICompatible } from '@genkit-ai/compat-oai'
import { genkit, z } from 'genkit'

function aiOf({ url, key }) {
  return genkit({
    plugins: [openAICompatible({ name: 'router9', apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 })],
  })
}

function asked(task, prompt = task.prompt) {
  // A model that it does not know can nothing, unless it is told.
  const supports = {
    multiturn: true,
    tools: true,
    media: true,
    systemRole: true,
    output: ['text', 'json'],
    constrained: 'all',
  }
  return { model: compatOaiModelRef({ name: `router9/${task.model}`, info: { supports } }), prompt }
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
