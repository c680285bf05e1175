import { CheckFailed, object, type Reply, readJson, wantHeader } from './site.ts'

/** Insists on a whole answer in Router9's stream format, and says what was in it. */
export function wantStream(reply: Reply): string {
  wantHeader(reply, 'content-type', /^text\/event-stream/)
  const events = eventsOf(reply.text)
  const failed = events.map((data) => object(readJson(data)?.error)).find((error) => error !== undefined)
  if (failed !== undefined) throw new CheckFailed(`the stream breaks: ${String(failed.message)}`)
  if (events.at(-1) !== '[DONE]') throw new CheckFailed('the stream ends without [DONE]')
  const chunks = events.slice(0, -1).map((data) => {
    const chunk = readJson(data)
    if (chunk === undefined) throw new CheckFailed('a chunk of the stream is no JSON object')
    return chunk
  })
  if (new Set(chunks.map(({ id }) => id)).size !== 1) throw new CheckFailed('the chunks do not share one id')
  const choices = chunks.flatMap(({ choices }) => (Array.isArray(choices) ? choices : [])).map((one) => object(one))
  const deltas = choices.map((choice) => object(choice?.delta))
  if (deltas[0]?.role !== 'assistant') throw new CheckFailed('the first chunk has no role')
  const text = deltas.map((delta) => (typeof delta?.content === 'string' ? delta.content : '')).join('')
  if (text === '') throw new CheckFailed('the stream holds no text')
  wantFinish(choices.at(-1)?.finish_reason)
  const tokens = wantUsage(chunks.at(-1)?.usage, 'the final chunk')
  return `${chunks.length} chunks, ${tokens} tokens, [DONE]`
}

/** The payloads of a stream's events, comments left out. */
function eventsOf(text: string): readonly string[] {
  const blocks = text.split('\n\n')
  if (blocks.pop() !== '') throw new CheckFailed('the stream ends in the middle of an event')
  return blocks.flatMap((block) =>
    block
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => {
        if (!line.startsWith('data: '))
          throw new CheckFailed('the stream has a line that is neither data nor a comment')
        return line.slice('data: '.length)
      }),
  )
}

/** Insists on an ending that says that the answer is whole. */
export function wantFinish(reason: unknown): void {
  if (reason !== 'stop' && reason !== 'length') throw new CheckFailed(`the finish_reason is ${JSON.stringify(reason)}`)
}

/** Insists on a usage that adds up, and gives its total. */
export function wantUsage(value: unknown, where: string): number {
  const usage = object(value)
  if (usage === undefined) throw new CheckFailed(`${where} has no usage`)
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage
  if (typeof prompt !== 'number' || typeof completion !== 'number' || total !== prompt + completion) {
    throw new CheckFailed(`the usage of ${where} does not add up`)
  }
  return prompt + completion
}
