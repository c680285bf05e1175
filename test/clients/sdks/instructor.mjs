import Instructor from '@instructor-ai/instructor'
import OpenAI from 'openai'
import { z } from 'zod'

export async function structured({ url, key, model, prompt, way }) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
  const client = (Instructor.default ?? Instructor)({ client: openai, mode: way })
  const { city, inhabitants } = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: prompt }],
    response_model: { schema: z.object({ city: z.string(), inhabitants: z.number() }), name: 'City' },
    max_retries: 0,
  })
  return { city, inhabitants }
}
