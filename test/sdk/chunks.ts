import type OpenAI from 'openai'
import { beyond } from './setting.ts'

type Chunk = OpenAI.Chat.ChatCompletionChunk

/** What a program that iterates over a stream sees of it. */
export interface Seen {
  readonly chunks: readonly Chunk[]
  readonly text: string
  readonly reasoning: string
  readonly roles: readonly string[]
  readonly finishes: readonly string[]
  readonly usages: readonly OpenAI.CompletionUsage[]
}

/** Iterates over a stream to its end. */
export async function seeAll(stream: AsyncIterable<Chunk>): Promise<Seen> {
  const chunks: Chunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  const choices = chunks.flatMap((chunk) => chunk.choices)
  return {
    chunks,
    text: choices.map(({ delta }) => delta.content ?? '').join(''),
    reasoning: choices.map(({ delta }) => String(beyond(delta, 'reasoning_content') ?? '')).join(''),
    roles: choices.flatMap(({ delta }) => delta.role ?? []),
    finishes: choices.flatMap(({ finish_reason }) => finish_reason ?? []),
    usages: chunks.flatMap(({ usage }) => usage ?? []),
  }
}
