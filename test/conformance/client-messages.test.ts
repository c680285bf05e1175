import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import { DEMO_KEY } from '../harness/worker.ts'

/** Requests that real clients sent to Anthropic, and what it answered: all of it passes through Router9 unchanged. */

const FOLDER = process.env.CLIENT_RECORDINGS
const router = useCase()
const MODEL = 'anthropic/claude-sonnet-4-5'

type Fields = Readonly<Record<string, unknown>>

interface Recording {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Fields
  readonly answer: { readonly file: string; readonly status: number; readonly content_type: string }
}

function recordings(): readonly string[] {
  if (FOLDER === undefined) return []
  const folder = join(FOLDER, 'client-requests', 'messages')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.request.json'))
    .map((name) => join(folder, name))
}

/** The events of a stream, without the name and the id that are Router9's own. */
function eventsOf(text: string): unknown[] {
  return (
    text
      .split(/\r?\n\r?\n/)
      .flatMap((event) => /^data: ?(.*)$/m.exec(event)?.[1] ?? [])
      // Recorded behind a gateway that ends its streams so.
      .filter((data) => data !== '[DONE]')
      .map((data) => {
        const json = JSON.parse(data)
        return json.type === 'message_start' ? { ...json, message: withoutNames(json.message) } : json
      })
  )
}

function withoutNames({ id, model, ...rest }: Fields): Fields {
  return rest
}

describe.skipIf(FOLDER === undefined)('what real clients sent', () => {
  test.each(recordings())('%s', async (file) => {
    const { headers, body, answer } = JSON.parse(readFileSync(file, 'utf8')) as Recording
    const recorded = readFileSync(join(FOLDER ?? '', answer.file), 'utf8')
    router.upstream.play({
      status: answer.status,
      headers: { 'content-type': answer.content_type },
      pieces: [recorded],
    })
    const response = await fetch(`${router.url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'x-api-key': DEMO_KEY },
      body: JSON.stringify({ ...body, model: MODEL }),
    })
    const text = await response.text()
    const [asked] = router.upstream.asked()
    expect(asked?.body).toEqual({ ...body, model: 'claude-sonnet-4-5' })
    for (const name of ['anthropic-beta', 'anthropic-version']) {
      if (headers[name] !== undefined) expect(asked?.headers[name]).toBe(headers[name])
    }
    // That a provider refuses Router9's key is no fault of the client's key.
    const status = answer.status === 401 ? 502 : answer.status
    expect(response.status).toBe(status)
    if (status !== 200) {
      const type = status === 502 ? 'api_error' : JSON.parse(recorded).error.type
      expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type } })
    } else if (body.stream === true) expect(eventsOf(text)).toEqual(eventsOf(recorded))
    else expect(withoutNames(JSON.parse(text))).toEqual(withoutNames(JSON.parse(recorded)))
  })
})
