import { orderText } from './upstream-order.ts'

/** How the answer to a request is to come: words in a stream, words per write, and the pause between writes. */
export interface Pace {
  readonly events: number
  readonly eventsPerWrite?: number
  readonly pauseMs?: number
}

type Message = Readonly<Record<string, unknown>>

/** A chat request as a client sends it. */
export function ask(model: string, messages: readonly Message[] = [user('Say hello.')], further: object = {}): string {
  return JSON.stringify({ model, messages, temperature: 0.7, max_tokens: 500, ...further })
}

/** The same, for a stream of this pace. */
export function askStream(model: string, { events, eventsPerWrite = 1, pauseMs = 0 }: Pace): string {
  return ask(model, [user(`Say hello. ${orderText({ events, eventsPerWrite, pauseMs })}`)], {
    stream: true,
    stream_options: { include_usage: true },
  })
}

/** The same in Gemini's API, whose path says whether it is for a stream. */
export function askGemini({ events, eventsPerWrite = 1, pauseMs = 0 }: Pace): string {
  const parts = [{ text: `Say hello. ${orderText({ events, eventsPerWrite, pauseMs })}` }]
  return JSON.stringify({ contents: [{ role: 'user', parts }], generationConfig: { maxOutputTokens: 500 } })
}

/** So many texts of some hundred characters, to be made into vectors. */
export function askVectors(texts: number, encoding: 'float' | 'base64'): string {
  const line = 'A paragraph of a document that somebody wants to find again later. '
  const input = Array.from({ length: texts }, (_, at) => `${at}. ${line.repeat(6)}`)
  return JSON.stringify({ model: 'text-embedding-3-small', input, encoding_format: encoding })
}

/** A talk of so many turns, as an assistant's client sends it. */
export function conversation(messages: number): Message[] {
  return [
    { role: 'system', content: 'You are a helpful assistant who answers briefly and to the point.' },
    ...Array.from({ length: messages - 1 }, (_, at) =>
      at % 2 === 0
        ? user(`Question ${at}: what is the difference between this and that, and when does it matter?`)
        : { role: 'assistant', content: `Answer ${at}: it depends on what you need. ${'Here is why. '.repeat(8)}` },
    ),
  ]
}

/** Text of so many bytes in ten messages. */
export function longText(bytes: number): Message[] {
  const line = 'A line of a long document that somebody wants to have summed up, with a "quote" in it.\n'
  const text = line.repeat(Math.ceil(bytes / 10 / line.length))
  return Array.from({ length: 10 }, () => user(text))
}

/** A picture of so many bytes beside a question. */
export function picture(bytes: number): Message[] {
  const data = 'iVBORw0KGgoAAAANSUhEUgAAAAE'.repeat(Math.ceil(bytes / 27)).slice(0, bytes - (bytes % 4))
  const url = `data:image/png;base64,${data}`
  return [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url } },
      ],
    },
  ]
}

function user(content: string): Message {
  return { role: 'user', content }
}
