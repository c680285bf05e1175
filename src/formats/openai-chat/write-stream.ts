import type { ExtraPlace, Finish, OutputEvent, ToolKind, Usage } from '../../chat/event.ts'
import { sizeUpTo } from '../../stream/size.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { Envelope, StreamWriter } from '../format.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'

type Fields = Readonly<Record<string, unknown>>
type Extras = { [place in Exclude<ExtraPlace, 'body'>]?: FieldMerger }

/** Extras wait for words, but no longer than there are this many: what is more goes out without. */
const MAX_WAITING = 32
const MAX_WAITING_CHARACTERS = 64 * 1024

/**
 * The only place that knows the shape of a chunk.
 * @param includeUsage the client asked for OpenAI's form: usage in a last chunk with no choices, null in all others.
 */
export function createStreamWriter({ id, created, model }: Envelope, includeUsage: boolean): StreamWriter {
  const names = `"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)}`
  const head = `data: {"id":${JSON.stringify(id)},${names},"choices":[`
  const tail = includeUsage ? '],"usage":null}' : ']}'
  const begun = new Set<number>()
  const unusualTools = new Map<string, ToolKind>()
  // Extras ride in the next chunk of their choice; those of the body in the next chunk of any.
  const waiting = new Map<number, Extras>()
  let body: Record<string, unknown> | undefined
  let held = 0
  let heldCharacters = 0
  /** Nearly always one piece waits, for words that come with it: its size is looked at only if there comes another. */
  let unsized: Fields | undefined

  const hold = (choice: number, place: ExtraPlace, fields: Fields) => {
    if (place === 'body') {
      body = Object.assign(body ?? {}, fields)
    } else {
      let extras = waiting.get(choice)
      if (extras === undefined) {
        extras = {}
        waiting.set(choice, extras)
      }
      extras[place] ??= createFieldMerger()
      extras[place].add(fields)
    }
    held++
    if (held > 1) {
      heldCharacters += sizeUpTo(unsized, MAX_WAITING_CHARACTERS) + sizeUpTo(fields, MAX_WAITING_CHARACTERS)
    }
    unsized = held > 1 ? undefined : fields
  }

  const waitsTooMuch = () => held > MAX_WAITING || heldCharacters > MAX_WAITING_CHARACTERS

  /** All that waits, each choice in a chunk of its own. */
  const flush = (): string => {
    const choices = waiting.size > 0 ? [...waiting.keys()] : [begun.values().next().value ?? 0]
    return choices.map((choice) => chunk(choice, '')).join('')
  }

  const opening = (choice: number): string => {
    if (begun.has(choice)) return ''
    begun.add(choice)
    return `${head}{"index":${choice},"delta":{"role":"assistant","content":""},"finish_reason":null}${tail}\n\n`
  }

  const plain = `,"finish_reason":null}${tail}\n\n`
  /** A chunk of words, as nearly all are. */
  const words = (choice: number, field: string, text: string): string =>
    waiting.size === 0 && body === undefined && begun.has(choice)
      ? `${head}{"index":${choice},"delta":{"${field}":${JSON.stringify(text)}}${plain}`
      : chunk(choice, `"${field}":${JSON.stringify(text)}`)

  const chunk = (choice: number, delta: string, finish = 'null', after = tail): string => {
    const role = opening(choice)
    const extras = waiting.size > 0 ? waiting.get(choice) : undefined
    if (extras === undefined && body === undefined) {
      return `${role}${head}{"index":${choice},"delta":{${delta}},"finish_reason":${finish}}${after}\n\n`
    }
    waiting.delete(choice)
    const separator = delta === '' || extras?.message === undefined ? '' : ','
    const whole = `{${delta}${separator}${members(extras?.message?.fields())}}`
    const choiceExtras = extras?.choice === undefined ? '' : `,${members(extras.choice.fields())}`
    const bodyExtras = body === undefined ? '' : `,${members(body)}`
    body = undefined
    if (waiting.size === 0) {
      held = 0
      heldCharacters = 0
    }
    const fields = `"index":${choice},"delta":${whole},"finish_reason":${finish}${choiceExtras}`
    return `${role}${head}{${fields}}${after.slice(0, -1)}${bodyExtras}}\n\n`
  }

  const toolStart = (said: Extract<OutputEvent, { type: 'tool-start' }>): string => {
    const name = JSON.stringify(said.name)
    if (said.kind !== 'function') unusualTools.set(`${said.choice}:${said.index}`, said.kind)
    if (said.kind === 'function_call') return `"function_call":{"name":${name},"arguments":""}`
    const call =
      said.kind === 'custom'
        ? `"type":"custom","custom":{"name":${name},"input":""}`
        : `"type":"function","function":{"name":${name},"arguments":""}`
    const extra = said.extra === undefined ? '' : `,${members(said.extra)}`
    return `"tool_calls":[{"index":${said.index},"id":${JSON.stringify(said.id)},${call}${extra}}]`
  }

  const toolDelta = (said: Extract<OutputEvent, { type: 'tool-delta' }>): string => {
    const text = JSON.stringify(said.text)
    const kind = unusualTools.size > 0 ? unusualTools.get(`${said.choice}:${said.index}`) : undefined
    if (kind === 'function_call') return `"function_call":{"arguments":${text}}`
    const piece = kind === 'custom' ? `"custom":{"input":${text}}` : `"function":{"arguments":${text}}`
    return `"tool_calls":[{"index":${said.index},${piece}}]`
  }

  const ending = (finishes: readonly Finish[], usage: Usage): string => {
    const lines: string[] = []
    const withUsage = `],"usage":${JSON.stringify(usage)}}`
    finishes.forEach(({ choice, reason }, at) => {
      if (waiting.get(choice)?.message !== undefined) lines.push(chunk(choice, ''))
      const last = at === finishes.length - 1 && !includeUsage
      lines.push(chunk(choice, '', JSON.stringify(reason), last ? withUsage : tail))
    })
    if (includeUsage) lines.push(`${head}${withUsage}\n\n`)
    lines.push(SSE_DONE)
    return lines.join('')
  }

  return (said) => {
    switch (said.type) {
      case 'text':
        return words(said.choice, 'content', said.text)
      case 'reasoning':
        return words(said.choice, 'reasoning_content', said.text)
      case 'refusal':
        return chunk(said.choice, `"refusal":${JSON.stringify(said.text)}`)
      case 'tool-start':
        return chunk(said.choice, toolStart(said))
      case 'tool-delta':
        return chunk(said.choice, toolDelta(said))
      case 'extra':
        hold(said.choice, said.place, said.fields)
        // Sound and pictures are the answer itself, piece by piece.
        if ('audio' in said.fields || 'images' in said.fields) return chunk(said.choice, '')
        return waitsTooMuch() ? flush() : ''
      case 'end':
        return ending(said.finishes, said.usage)
      case 'error': {
        const open = begun.size > 0 ? [...begun] : [0]
        const choices = open.map((choice) => `{"index":${choice},"delta":{},"finish_reason":"error"}`).join(',')
        return `${head}${choices}${tail.slice(0, -1)},"error":${JSON.stringify(said.failure.toError())}}\n\n`
      }
      default:
        return said satisfies never
    }
  }
}

/** The members of an object as JSON, without its braces. */
function members(fields: Fields | undefined): string {
  return fields === undefined ? '' : JSON.stringify(fields).slice(1, -1)
}
