import OpenAI, { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { expectationOf } from './fault-kinds.ts'
import { allRows, bodyOf } from './rows.ts'

const router9 = useRouter9({ IDLE_TIMEOUT_MS: '1500' })

const rows = allRows()
  .filter(({ second, stream }) => second && stream)
  .map((row) => ({ ...row, expectation: expectationOf(row.fault, row) }))
const broken = rows.filter(({ expectation }) => expectation.kind === 'broken stream')

describe('the official client throws when a provider', () => {
  test.each(broken)('$name', async (row) => {
    expect.assert(row.expectation.kind === 'broken stream')
    let text = ''
    const failure = await readWithClient(row, (piece) => {
      text += piece
    })
    expect(failure).toBeInstanceOf(APIError)
    expect(failure).toMatchObject({ type: row.expectation.look.type, code: row.expectation.look.code, param: null })
    expect((failure as APIError).message).not.toBe('')
    // What came before is the client's to keep.
    expect(text).not.toBe('')
    expect(row.words.startsWith(text), text.slice(0, 200)).toBe(true)
  })

  test('would not have been noticed otherwise: a whole stream does not throw', async () => {
    const row = rows.find(({ fault }) => fault.order === 'neverclose')
    expect.assert(row !== undefined)
    let text = ''
    const failure = await readWithClient(row, (piece) => {
      text += piece
    })
    expect(failure).toBeUndefined()
    expect(text).toBe(row.words)
  })
})

/** What the client throws while it reads the stream, if it does. */
async function readWithClient(row: (typeof rows)[number], onText: (piece: string) => void): Promise<unknown> {
  const client = new OpenAI({ apiKey: DEMO_KEY, baseURL: `${router9.url}/v1`, maxRetries: 0 })
  // Our routing fields are unknown to the client's types, which pass them on all the same.
  const body = bodyOf(row) as unknown as OpenAI.ChatCompletionCreateParamsStreaming
  const stream = await client.chat.completions.create(body)
  try {
    for await (const chunk of stream) onText(chunk.choices[0]?.delta.content ?? '')
    return undefined
  } catch (error) {
    return error
  }
}
