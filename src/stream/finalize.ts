import { estimateTokens } from '../chat/estimate-tokens.ts'
import type { ChatEvent, Content, Finish, FinishReason, OutputEvent, Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { createUsageCounter, type MaxTokens } from '../chat/usage.ts'

/**
 * Stands between a decoder and everybody else and makes one promise: content, then exactly one ending. Finishes and usage
 * are kept until the end, since providers disagree on where they stand; a stream that stops short becomes an error.
 */
export interface StreamFinalizer {
  /** @returns what stands now; nothing any more after an ending. */
  readonly push: (events: readonly ChatEvent[]) => readonly OutputEvent[]
  /** The upstream closed its side: the answer is complete if every choice that began has finished. */
  readonly close: () => readonly OutputEvent[]
  /** The upstream broke: an error, unless the answer was complete before. */
  readonly fail: (failure: Failure) => readonly OutputEvent[]
  /** True as soon as every choice that began has finished: only usage can still come. */
  readonly finished: () => boolean
  /** What was used so far, by the provider's word or by our estimate. */
  readonly usage: () => Usage
}

interface ToolState {
  readonly choice: number
  readonly index: number
  readonly custom: boolean
  empty: boolean
  /** Arguments so far that are the beginning of `null`. */
  held: string
}

type ToolDelta = Extract<ChatEvent, { type: 'tool-delta' }>
type Finishing = Extract<ChatEvent, { type: 'finish' }>

const NOTHING: readonly OutputEvent[] = []
const NULL = 'null'

/**
 * @param promptTokens our estimate, asked for where the provider reports no usage.
 * @param choicesAsked as many must finish; fewer are enough where the provider itself says that it is done.
 * @param most what the model can use: a report of more is not believed.
 */
export function createStreamFinalizer(promptTokens: () => number, choicesAsked = 1, most?: MaxTokens): StreamFinalizer {
  const finishes = new Map<number, Finishing>()
  const begun = new Set<number>()
  const tools = new Map<string, ToolState>()
  const called = new Map<number, 'tool_calls' | 'function_call'>()
  /** Of those that have begun. */
  let unfinished = 0
  const count = createUsageCounter(promptTokens, most)
  let over = false
  let ended = false

  const finished = () => finishes.size >= choicesAsked && unfinished === 0

  const note = (content: Exclude<Content, ToolDelta>) => {
    if (content.type === 'extra') return
    begin(content.choice)
    if (content.type === 'tool-start') {
      const kind = content.kind === 'function_call' ? 'function_call' : 'tool_calls'
      called.set(content.choice, kind)
      tools.set(`${content.choice}:${content.index}`, {
        choice: content.choice,
        index: content.index,
        custom: content.kind === 'custom',
        empty: true,
        held: '',
      })
      count.addWeight(content.name.length)
    } else {
      count.addWeight(estimateTokens(content.text))
    }
  }

  const begin = (choice: number) => {
    if (begun.has(choice)) return
    begun.add(choice)
    if (!finishes.has(choice)) unfinished++
  }

  /** Some say `null` where a call has no arguments: what may become that is kept back. */
  const grow = (delta: ToolDelta): ToolDelta | undefined => {
    begin(delta.choice)
    count.addWeight(delta.text.length)
    const tool = tools.get(`${delta.choice}:${delta.index}`)
    if (tool === undefined || !tool.empty || tool.custom) return delta
    const text = tool.held + delta.text
    if (text !== '' && NULL.startsWith(text)) {
      tool.held = text
      return undefined
    }
    tool.empty = text === ''
    tool.held = ''
    return text === delta.text ? delta : { ...delta, text }
  }

  const end = (): readonly OutputEvent[] => {
    if (over) return NOTHING
    over = true
    ended = true
    const said: OutputEvent[] = []
    // Clients parse the joined arguments as JSON; a tool that takes none still has to have an object.
    for (const tool of tools.values()) {
      if (!tool.empty || tool.custom) continue
      const text = tool.held === '' || tool.held === NULL ? '{}' : tool.held
      said.push({ type: 'tool-delta', choice: tool.choice, index: tool.index, text })
    }
    const all: Finish[] = [...new Set([...begun, ...finishes.keys()])]
      .sort((a, b) => a - b)
      .map((choice) => ({ choice, reason: reasonOf(finishes.get(choice), called.get(choice)) }))
    said.push({ type: 'end', finishes: all, usage: count.usage(true) })
    return said
  }

  const fail = (failure: Failure): readonly OutputEvent[] => {
    if (over) return NOTHING
    if (finished()) return end()
    over = true
    return [{ type: 'error', failure }]
  }

  const take = (events: readonly ChatEvent[]): readonly OutputEvent[] => {
    if (over) return NOTHING
    let said: OutputEvent[] | undefined
    for (const event of events) {
      if (over) break
      switch (event.type) {
        case 'finish':
          if (begun.has(event.choice) && !finishes.has(event.choice)) unfinished--
          finishes.set(event.choice, event)
          continue
        case 'usage':
          count.report(event.usage)
          continue
        case 'error':
          over = true
          said = [...(said ?? []), event]
          continue
        case 'done': {
          const anything = begun.size > 0 || finishes.size > 0
          said = [...(said ?? []), ...(anything ? end() : fail(emptyAnswer()))]
          continue
        }
        case 'text':
        case 'reasoning':
        case 'refusal':
        case 'tool-start':
        case 'extra':
          note(event)
          if (said === undefined) said = [event]
          else said.push(event)
          continue
        case 'tool-delta': {
          const grown = grow(event)
          if (grown === undefined) continue
          if (said === undefined) said = [grown]
          else said.push(grown)
          continue
        }
        default:
          return event satisfies never
      }
    }
    return said ?? NOTHING
  }

  const close = (): readonly OutputEvent[] => {
    if (over) return NOTHING
    if (finished()) return end()
    return fail(begun.size > 0 ? cutAnswer() : emptyAnswer())
  }

  return { push: take, close, fail, finished, usage: () => count.usage(ended || finished()) }
}

/** An answer that called a tool ends so, also where the provider calls it a stop (translation 2.3); one without calls does not. */
function reasonOf(finish: Finishing | undefined, called: 'tool_calls' | 'function_call' | undefined): FinishReason {
  const reason = finish?.reason ?? 'stop'
  if (finish?.isFinal) return reason
  if (reason === 'tool_calls' || reason === 'function_call') return called ?? 'stop'
  return reason === 'stop' && called === 'tool_calls' ? called : reason
}

function emptyAnswer(): Failure {
  return new Failure('provider-failed', 'The provider sent an empty answer.')
}

function cutAnswer(): Failure {
  return new Failure('provider-failed', "The provider's stream ended before the answer was complete.")
}
