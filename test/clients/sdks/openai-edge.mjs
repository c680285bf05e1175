import { Configuration, OpenAIApi } from 'openai-edge'

function clientOf({ url, key }) {
  return new OpenAIApi(new Configuration({ apiKey: key, basePath: `${url}/v1` }))
}

function ask(task, more = {}) {
  const { way, model, prompt } = task
  const client = clientOf(task)
  if (way === 'completions') return client.createCompletion({ model, prompt, max_tokens: 500, ...more })
  return client.createChatCompletion({ model, messages: [{ role: 'user', content: prompt }], ...more })
}

// It hands on the answer as `fetch` gives it, a failure too.
async function bodyOf(answer) {
  const response = await answer
  const body = await response.json()
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(body)}`)
  return body
}

function textOf({ text, message, delta }) {
  return text ?? (message ?? delta)?.content
}

export async function chat(task) {
  return textOf((await bodyOf(ask(task))).choices[0])
}

export async function stream(task) {
  const text = await (await ask(task, { stream: true })).text()
  const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
  if (data.pop() !== '[DONE]') throw new Error('no end')
  return data.flatMap((one) => JSON.parse(one).choices.map(textOf)).filter(Boolean)
}

export async function models(task) {
  return (await bodyOf(clientOf(task).listModels())).data.map(({ id }) => id)
}

export async function embeddings(task) {
  const { data } = await bodyOf(clientOf(task).createEmbedding({ model: task.model, input: task.texts }))
  return data.map(({ embedding }) => embedding)
}
