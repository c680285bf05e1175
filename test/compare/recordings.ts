import { type Recording, readManifest } from '../conformance/manifest.ts'
import { readRecording } from '../conformance/reading.ts'
import { everyProviderPlayedAt, requestExtras, slotOf, slots } from '../conformance/slots.ts'
import { eventEnds } from '../conformance/wire.ts'
import { type CompareRequest, chatRequest } from './request.ts'
import { replayed } from './side.ts'
import type { Source } from './source.ts'

/** Byte by byte, a long recording takes seconds. */
const SPLIT_BYTES = 8000

/** Every recording, asked for streamed and whole, in odd pieces, cut, reset and written otherwise. */
export function recordings(folder: string, quick: boolean): Source {
  const requests = readManifest(folder).flatMap((recording, at) => {
    const all = requestsOf(recording, at)
    return quick ? all.slice(0, 2) : all
  })
  return { name: 'recordings', setting: { upstream: replayed(folder), vars: everyProviderPlayedAt }, requests }
}

function requestsOf(recording: Recording, number: number): CompareRequest[] {
  const model = slotOf(slots, recording.provider)
  if (model === null) return []
  const own = recording.kind === 'stream'
  const ask = (stream: boolean, order: string, more: Readonly<Record<string, unknown>> = {}) =>
    requestOf(recording, model, stream, order, more)
  const small = recording.wire.length <= SPLIT_BYTES
  return [
    ask(own, ''),
    ask(true, '', { stream_options: { include_usage: true } }),
    ask(own, `split:random:${number}`),
    ask(!own, ''),
    ...(small ? [ask(own, 'split:1')] : []),
    ...(own ? streamOrders(recording).map((order) => ask(true, order)) : []),
    // Read by the generic row, an answer may look odd; it must look as odd as before.
    ...(model.startsWith('custom/') ? [] : [requestOf(recording, 'custom/any', own, '', {})]),
  ]
}

function streamOrders({ wire, contentType }: Recording): string[] {
  const events = eventEnds(wire, contentType).length
  const cuts = [...new Set([0, 1, 2, Math.floor(events / 2), events - 2, events - 1])].filter((cut) => cut >= 0)
  const bytes = [0.2, 0.5, 0.8, 0.97].map((share) => Math.floor(wire.length * share))
  return [
    ...cuts.map((cut) => `cut:${cut}`),
    ...bytes.map((count) => `cutbytes:${count}`),
    `cut:${Math.floor(events / 2)} end:reset`,
    'lines:crlf split:random:7',
    'lines:cr split:random:8',
    'with:bom with:comments split:random:9',
  ]
}

function requestOf(
  recording: Recording,
  model: string,
  stream: boolean,
  order: string,
  more: Readonly<Record<string, unknown>>,
): CompareRequest {
  const { file } = recording
  const names = new Set(readRecording(recording).choices.flatMap(({ toolCalls }) => toolCalls.map(({ name }) => name)))
  const parameters = { type: 'object', properties: {} }
  const tools = [...names].map((name) => ({ type: 'function', function: { name, description: name, parameters } }))
  const name = [file, model, stream ? 'stream' : 'whole', order, ...Object.keys(more)].filter(Boolean).join(' ')
  return chatRequest(name, {
    model,
    stream,
    ...(tools.length > 0 ? { tools } : {}),
    ...requestExtras[file],
    ...more,
    messages: [{ role: 'user', content: `recording:${file} ${order}`.trim() }],
  })
}
