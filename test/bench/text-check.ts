import { createClient, type Shot } from './load.ts'

/** Compares the words of a Router9 stream with what they must be, as they come. */
export interface TextCheck {
  readonly feed: (bytes: Buffer) => void
  /** What is wrong; undefined where every word has come, in its place, and the stream has ended as it should. */
  readonly fault: () => string | undefined
}

export function createTextCheck(expected: string): TextCheck {
  const decoder = new TextDecoder()
  let rest = ''
  let at = 0
  let done = false
  let wrong: string | undefined

  const line = (text: string) => {
    if (!text.startsWith('data: ')) return
    if (done) wrong ??= 'something came after the end'
    if (text === 'data: [DONE]') {
      done = true
      return
    }
    const { choices } = JSON.parse(text.slice(6)) as { choices: { delta: { content?: string } }[] }
    const content = choices[0]?.delta.content ?? ''
    if (!expected.startsWith(content, at)) wrong ??= `at character ${at} came ${JSON.stringify(content)}`
    at += content.length
  }
  return {
    feed: (bytes) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const text of lines) line(text)
    },
    fault: () => {
      if (wrong !== undefined) return wrong
      if (at !== expected.length) return `only ${at} of ${expected.length} characters came`
      return done ? undefined : 'it did not end'
    },
  }
}

/** Reads a stream to its end. @returns what was wrong with it. */
export async function checkStream(shot: Shot, expected: string): Promise<string | undefined> {
  const client = createClient()
  const check = createTextCheck(expected)
  const { status, error } = await client.fire(shot, check.feed)
  client.close()
  return error ?? (status === 200 ? check.fault() : `status ${status}`)
}
