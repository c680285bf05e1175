import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JsonObject, objectOf } from './json.ts'
import { type Recording, readClientManifests } from './manifest.ts'

/** A request that a real client sent, with the answer that it got. */
export type Pair = {
  name: string
  /** The folder that it lies in: `responses`, `messages`, `messages-count-tokens` and so on. */
  api: string
  method: string
  path: string
  query: string
  headers: Record<string, string>
  body: JsonObject
  answer: Recording
}

type Envelope = Partial<Pick<Pair, 'method' | 'path' | 'query' | 'headers' | 'body'>> & { answer?: { file?: string } }

/** The pairs of these APIs in a folder of client recordings. */
export function readPairs(folder: string, apis: readonly string[]): Pair[] {
  const answers = new Map(readClientManifests(folder).map((recording) => [recording.file, recording]))
  return apis.flatMap((api) => {
    const files = readdirSync(join(folder, 'client-requests', api)).filter((file) => file.endsWith('.request.json'))
    return files.flatMap((file): Pair[] => {
      const envelope = JSON.parse(readFileSync(join(folder, 'client-requests', api, file), 'utf8')) as Envelope
      const answer = answers.get(envelope.answer?.file ?? '')
      if (answer === undefined) return []
      const { method = 'POST', path = '', query = '', headers = {} } = envelope
      return [
        {
          name: file.replace('.request.json', ''),
          api,
          method,
          path,
          query,
          headers,
          body: objectOf(envelope.body),
          answer,
        },
      ]
    })
  })
}
