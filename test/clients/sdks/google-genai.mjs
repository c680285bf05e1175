import { FunctionCallingConfigMode, GoogleGenAI } from '@google/genai'

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' }, inhabitants: { type: 'number' } },
  required: ['city', 'inhabitants'],
}
const READ_FILE = {
  name: 'read_file',
  description: 'Reads a file.',
  parametersJsonSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
}

function clientOf({ url, key }) {
  return new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } })
}

function asked({ model, prompt }, config = {}) {
  return { model, contents: prompt, config }
}

export async function chat(task) {
  return (await clientOf(task).models.generateContent(asked(task))).text
}

export async function stream(task) {
  const pieces = []
  let last
  for await (const chunk of await clientOf(task).models.generateContentStream(asked(task))) {
    if (chunk.text) pieces.push(chunk.text)
    last = chunk
  }
  if (last.candidates[0].finishReason !== 'STOP' || !last.usageMetadata.totalTokenCount) throw new Error('no end')
  return pieces
}

// By hand in a chat, whose history must keep the signatures, or by the client itself.
export async function tools(task) {
  const client = clientOf(task)
  const config = { thinkingConfig: { includeThoughts: true } }
  if (task.way === 'automatic') {
    const callTool = async (calls) =>
      calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: task.read(args) } } }))
    const tool = { tool: async () => ({ functionDeclarations: [READ_FILE] }), callTool }
    const automatic = { ...config, tools: [tool], automaticFunctionCalling: { maximumRemoteCalls: 20 } }
    return (await client.models.generateContent(asked(task, automatic))).text
  }
  const toolConfig = { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } }
  const byHand = { ...config, toolConfig, tools: [{ functionDeclarations: [READ_FILE] }] }
  const conversation = client.chats.create({ model: task.model, config: byHand })
  let message = task.prompt
  for (;;) {
    const calls = []
    let text = ''
    for await (const chunk of await conversation.sendMessageStream({ message })) {
      calls.push(...(chunk.functionCalls ?? []))
      text += chunk.text ?? ''
    }
    if (calls.length === 0) return text
    message = calls.map(({ id, name, args }) => ({
      functionResponse: { id, name, response: { output: task.read(args) } },
    }))
  }
}

export async function structured(task) {
  const responseMimeType = 'application/json'
  const schema = task.way === 'automatic' ? { responseSchema: googles(CITY) } : { responseJsonSchema: CITY }
  return JSON.parse((await clientOf(task).models.generateContent(asked(task, { responseMimeType, ...schema }))).text)
}

export async function image(task) {
  const picture = { inlineData: { mimeType: 'image/png', data: task.image } }
  const contents = [{ role: 'user', parts: [{ text: task.prompt }, picture] }]
  return (await clientOf(task).models.generateContent({ model: task.model, contents })).text
}

export async function abort(task) {
  const controller = new AbortController()
  let heard = 0
  try {
    const options = { abortSignal: controller.signal }
    for await (const { text } of await clientOf(task).models.generateContentStream(asked(task, options))) {
      if (text && ++heard === 3) controller.abort()
    }
  } catch (error) {
    if (!/abort/i.test(`${error.name} ${error.message}`)) throw error
  }
  return heard
}

export async function models(task) {
  const names = []
  for await (const { name } of await clientOf(task).models.list()) names.push(name.replace(/^models\//, ''))
  return names
}

export async function count(task) {
  return (await clientOf(task).models.countTokens({ model: task.model, contents: task.prompt })).totalTokens
}

export async function embeddings(task) {
  const { embeddings } = await clientOf(task).models.embedContent({ model: task.model, contents: task.texts })
  return embeddings.map(({ values }) => values)
}

// A schema in Google's words for types.
function googles({ type, properties, ...rest }) {
  const inside = Object.entries(properties ?? {}).map(([name, schema]) => [name, googles(schema)])
  return { type: type.toUpperCase(), ...rest, ...(properties ? { properties: Object.fromEntries(inside) } : {}) }
}
