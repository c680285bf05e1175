import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cut, contentTypeOf, cutWire, rebuildWire } from './wire.ts'

/** One recorded provider answer, with the bytes that were on the wire. */
export type Recording = {
  file: string
  provider: string
  kind: 'stream' | 'json' | 'error'
  /** The API that was spoken, where the provider's name does not say it. */
  api?: string
  exercises: string
  status: number
  contentType: string
  headers: Record<string, string>
  wire: Uint8Array
}

/** Reads every recording that MANIFEST.tsv of the folder names. */
export function readManifest(folder: string): Recording[] {
  return parseManifest(readFileSync(join(folder, 'MANIFEST.tsv'), 'utf8'), (file) => readFileSync(join(folder, file)))
}

/** The answers that real clients got, of every API in the folder of client recordings. */
export function readClientManifests(folder: string): Recording[] {
  return ['responses', 'client-requests'].flatMap((part) =>
    parseManifest(readFileSync(join(folder, part, 'MANIFEST.tsv'), 'utf8'), (file) => readFileSync(join(folder, file))),
  )
}

/** The manifest's rows as recordings; `load` fetches the bytes of a stored file. */
export function parseManifest(table: string, load: (file: string) => Uint8Array): Recording[] {
  const [head = '', ...rows] = table.split(/\r?\n/)
  const names = head.split('\t')
  const recordings: Recording[] = []
  for (const row of rows) {
    if (row.trim() === '') continue
    const cells = row.split('\t')
    const cell = (name: string) => cells[names.indexOf(name)] ?? ''
    const file = cell('file')
    const toWire = cell('to_wire')
    const api = cell('api')
    if (cell('kind') === 'request') continue
    recordings.push({
      file,
      provider: cell('provider'),
      kind: kindOf(cell('kind'), file),
      ...(api === '' ? {} : { api }),
      exercises: cell('exercises'),
      status: Number(cell('http_status')),
      contentType: contentTypeOf(toWire, file),
      headers: headersOf(cell('exercises')),
      wire: rebuildWire(toWire, load(file)),
    })
  }
  return recordings
}

/** The same recording, ended early. */
export function cutRecording(recording: Recording, cut: Cut): Recording {
  return { ...recording, wire: cutWire(recording.wire, recording.contentType, cut) }
}

function kindOf(word: string, file: string): Recording['kind'] {
  if (word === 'stream' || word === 'json' || word === 'error') return word
  throw new Error(`${file}: unknown kind "${word}" in the manifest`)
}

// The manifest notes a recorded retry-after header as [retry-after: ['1']] beside what the recording exercises.
function headersOf(exercises: string): Record<string, string> {
  const seconds = /\[retry-after: \['([^']+)'\]\]/.exec(exercises)?.[1]
  return seconds === undefined ? {} : { 'retry-after': seconds }
}
