import { EmbeddingSimilarity } from 'autoevals'
import OpenAI from 'openai'

function clientOf({ url, key }) {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
}

export async function embeddings(task) {
  const options = { model: task.model, client: clientOf(task), expectedMin: -1 }
  const similarities = []
  for (const [at, output] of task.texts.entries()) {
    const { score } = await EmbeddingSimilarity({ ...options, output, expected: task.texts.at(at - 1) })
    similarities.push(score * 2 - 1)
  }
  return { similarities }
}
