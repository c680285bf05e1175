import { asObject, CheckFailed, expectHeader, type Reply, readJson } from './site.ts'

/** Checks a whole answer in Router9's stream format, and describes it. @throws CheckFailed */
export function expectStream(reply: Reply): string {
  expectHeader(reply, 'content-type', /^text\/event-stream/)
  const events = eventsOf(reply.text)
  const error = events.map((data) => asObject(readJson(data)?.error)).find((one) => one !== undefined)
  if (error !== undefined) throw new CheckFailed(`the stream breaks: ${String(error.message)}`)
  if (events.at(-1) !== '[DONE]') throw new CheckFailed('the stream ends without [DONE]')
  const chunks = events.slice(0, -1).map((data) => {
    const chunk = readJson(data)
    if (chunk === undefined) throw new CheckFailed('a chunk of the stream is no JSON object')
    return chunk
  })
  if (new Set(chunks.map(({ id }) => id)).size !== 1) throw new CheckFailed('the chunks do not share one id')
  const choices = chunks.flatMap(({ choices }) => (Array.isArray(choices) ? choices : [])).map((one) => asObject(one))
  const deltas = choices.map((choice) => asObject(choice?.delta))
  if (deltas[0]?.role !== 'assistant') throw new CheckFailed('the first chunk has no role')
  const text = deltas.map((delta) => (typeof delta?.content === 'string' ? delta.content : '')).join('')
  if (text === '') throw new CheckFailed('the stream holds no text')
  expectFinish(choices.at(-1)?.finish_reason)
  const tokens = expectUsage(chunks.at(-1)?.usage, 'the final chunk')
  return `${chunks.length} chunks, ${tokens} tokens, [DONE]`
}

/** The data of a stream's events, without its comments. */
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

/** @throws CheckFailed where the reason does not say that the answer is complete. */
export function expectFinish(reason: unknown): void {
  if (reason !== 'stop' && reason !== 'length') throw new CheckFailed(`the finish_reason is ${JSON.stringify(reason)}`)
}

/** Returns the total of a usage. @throws CheckFailed where it is missing or its sum is wrong. */
export function expectUsage(value: unknown, where: string): number {
  const usage = asObject(value)
  if (usage === undefined) throw new CheckFailed(`${where} has no usage`)
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage
  if (typeof prompt !== 'number' || typeof completion !== 'number' || total !== prompt + completion) {
    throw new CheckFailed(`the usage of ${where} does not add up`)
  }
  return prompt + completion
}
