import { type JsonObject, objectOf, parseJson, textOf } from './json.ts'

/** The events of a stream that names each by its type, read strictly: `event:` and one line of JSON, comments only between. */
export function readBlocks(text: string, problems: string[]): JsonObject[] {
  if (text.includes('\r')) problems.push('a carriage return in the stream')
  if (text !== '' && !text.endsWith('\n\n')) problems.push('the stream does not end with a blank line')
  const events: JsonObject[] = []
  for (const block of text.split('\n\n')) {
    if (block === '' || /^(:[^\n]*\n?)+$/.test(block)) continue
    const [, name = '', data = ''] = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(block) ?? []
    const event = parseJson(data)
    if (event === undefined) {
      problems.push(`not an event and one line of JSON: ${block.slice(0, 80)}`)
      continue
    }
    if (textOf(objectOf(event).type) !== name) problems.push(`event ${name} holds ${textOf(objectOf(event).type)}`)
    events.push(objectOf(event))
  }
  return events
}
