import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readGeminiPrompt, readGeminiRequest } from '../../../src/formats/gemini/read-request.ts'
import { gemini } from '../../../src/formats/gemini/write-request.ts'
import { ABLE } from '../asking.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'

const root = process.env.CLIENT_RECORDINGS ?? ''

interface Recorded {
  readonly file: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly status: number
}

function recorded(folder: string): Recorded[] {
  if (root === '') return []
  const path = join(root, 'client-requests', folder)
  return readdirSync(path)
    .filter((file) => file.endsWith('.request.json'))
    .map((file) => {
      const { path: asked, body, answer } = JSON.parse(readFileSync(join(path, file), 'utf8'))
      return { file, path: asked, body, status: answer.status }
    })
}

/** What Google gets of a request. */
function sent({ body, path }: Recorded, isCount: boolean) {
  const traits = /gemini-3/.test(path) ? { ...ABLE, efforts: ['low', 'high'] } : ABLE
  const read = isCount ? readGeminiPrompt : readGeminiRequest
  const { chat, source } = read(
    { ...body, model: 'theirs', stream: false },
    { header: () => null, sealer: PLAIN_SEALER },
  )
  const call = { chat, source, model: 'theirs', stream: false, traits, quirks: {}, newId: () => 'call_1' }
  const { request, count } = gemini.prepare(call)
  return JSON.parse((isCount ? count?.request().body : request.body) ?? '')
}

describe.skipIf(root === '')('recorded requests of clients', () => {
  test.each(recorded('gemini'))('go to Google as they came: $file', (one) => {
    const { model: _, ...body } = one.body
    if (one.status === 400) expect(() => sent(one, false)).toThrow('must be "user" or "model"')
    else expect(sent(one, false)).toEqual(body)
  })

  test.each(recorded('gemini-count-tokens'))('are counted as they came: $file', (one) => {
    const { body } = one
    const counted = sent(one, true)
    // Without the outer member Google counts nothing but contents.
    const isWhole = 'generateContentRequest' in body || Object.keys(body).length === 1
    const whole = isWhole ? body : { generateContentRequest: body }
    expect(counted).toMatchObject({ ...whole, ...('contents' in whole ? {} : { generateContentRequest: {} }) })
    const { model, ...inner } = counted.generateContentRequest ?? {}
    if (model !== undefined) {
      const { model: _, ...asked } = whole.generateContentRequest as Recorded['body']
      expect({ model, inner }).toEqual({ model: 'models/theirs', inner: asked })
    }
  })
})
