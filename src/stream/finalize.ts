import type { ChatEvent, Finish, FinishReason, OutputEvent, Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { textWeight } from '../chat/text-weight.ts'
import { createUsageCounter, type MaxTokens, type UsageCounter } from '../chat/usage.ts'

/**
 * Stands between a provider's format and everybody else, and makes one promise: content, then exactly one end. Finishes and
 * usage are kept until the end, because providers disagree on where they stand. A stream that stops short becomes an error.
 */
export interface StreamFinalizer {
  /** @returns what can go out now; nothing any more after an end. */
  readonly push: (events: readonly ChatEvent[]) => readonly OutputEvent[]
  /** The upstream has closed its side: the answer is complete if every choice that began has finished. */
  readonly close: () => readonly OutputEvent[]
  /** The upstream broke: an error, unless the answer was complete before. */
  readonly fail: (failure: Failure) => readonly OutputEvent[]
  /** True as soon as every choice that began has finished: only usage can still come. */
  readonly finished: () => boolean
  /** What was used so far, by the provider's report or by our estimate. */
  readonly usage: () => Usage
}

interface ToolState {
  readonly choice: number
  readonly index: number
  readonly isCustom: boolean
  isEmpty: boolean
  /** Arguments so far that are the beginning of `null`. */
  held: string
}

type ToolStart = Extract<ChatEvent, { type: 'tool-start' }>
type ToolDelta = Extract<ChatEvent, { type: 'tool-delta' }>
type FinishEvent = Extract<ChatEvent, { type: 'finish' }>

/** One choice, as far as it has come. */
interface ChoiceState {
  hasBegun: boolean
  finish: FinishEvent | undefined
  /** The finish reason for what it called. */
  called: 'tool_calls' | 'function_call' | undefined
}

/** One answer, as far as it has come. */
interface AnswerState {
  readonly choicesAsked: number
  readonly counter: UsageCounter
  /** By their numbers. */
  readonly choices: ChoiceState[]
  /** By choice and index; absent while nothing is called. */
  tools: Map<string, ToolState> | undefined
  /** How many choices have begun. */
  begun: number
  /** How many have finished. */
  finished: number
  /** How many of those that began have not. */
  unfinished: number
  isOver: boolean
  /** Of one that is over and complete: what was used. */
  used: Usage | undefined
}

const NOTHING: readonly OutputEvent[] = []
const NOTHING_CALLED: readonly ToolState[] = []
const NULL = 'null'

/**
 * @param promptTokens our estimate, asked for where the provider reports no usage.
 * @param choicesAsked so many choices must finish; fewer are enough where the provider itself says that it is done.
 * @param maxTokens what the model can use: a report of more is not believed.
 */
export function createStreamFinalizer(
  promptTokens: () => number,
  choicesAsked = 1,
  maxTokens?: MaxTokens,
): StreamFinalizer {
  const state: AnswerState = {
    choicesAsked,
    counter: createUsageCounter(promptTokens, maxTokens),
    choices: [],
    tools: undefined,
    begun: 0,
    finished: 0,
    unfinished: 0,
    isOver: false,
    used: undefined,
  }
  return {
    push: (events) => push(state, events),
    close: () => close(state),
    fail: (failure) => fail(state, failure),
    finished: () => isFinished(state),
    usage: () => state.used ?? state.counter.usage(isFinished(state)),
  }
}

function push(state: AnswerState, events: readonly ChatEvent[]): readonly OutputEvent[] {
  if (state.isOver) return NOTHING
  let output: OutputEvent[] | undefined
  for (const event of events) {
    const ready = pushOne(state, event)
    if (ready !== undefined) {
      if (output === undefined) output = [ready]
      else output.push(ready)
    }
    if (event.type === 'done') return finalizeDone(state, output)
    if (state.isOver) break
  }
  return output ?? NOTHING
}

/** What can go out at once; finishes, usage and `done` wait for the end. */
function pushOne(state: AnswerState, event: ChatEvent): OutputEvent | undefined {
  switch (event.type) {
    case 'text':
      begin(state, event.choice)
      if (event.isEcho !== true) state.counter.addWeight(textWeight(event.text))
      return event
    case 'reasoning':
    case 'refusal':
      begin(state, event.choice)
      state.counter.addWeight(textWeight(event.text))
      return event
    case 'tool-start':
      beginTool(state, event)
      return event
    case 'tool-delta':
      return growTool(state, event)
    case 'extra':
    case 'native':
      return event
    case 'finish':
      finish(state, event)
      return undefined
    case 'usage':
      state.counter.report(event.usage)
      return undefined
    case 'error':
      state.isOver = true
      return event
    case 'done':
      return undefined
    default:
      return event satisfies never
  }
}

function choiceAt({ choices }: AnswerState, number: number): ChoiceState {
  const known = choices[number]
  if (known !== undefined) return known
  const choice: ChoiceState = { hasBegun: false, finish: undefined, called: undefined }
  choices[number] = choice
  return choice
}

function begin(state: AnswerState, number: number): ChoiceState {
  const choice = choiceAt(state, number)
  if (choice.hasBegun) return choice
  choice.hasBegun = true
  state.begun++
  if (choice.finish === undefined) state.unfinished++
  return choice
}

function finish(state: AnswerState, event: FinishEvent): void {
  const choice = choiceAt(state, event.choice)
  if (choice.finish === undefined) {
    state.finished++
    if (choice.hasBegun) state.unfinished--
  }
  choice.finish = event
}

function beginTool(state: AnswerState, { choice, index, kind, name }: ToolStart): void {
  begin(state, choice).called = kind === 'function_call' ? 'function_call' : 'tool_calls'
  state.tools ??= new Map()
  state.tools.set(`${choice}:${index}`, { choice, index, isCustom: kind === 'custom', isEmpty: true, held: '' })
  state.counter.addWeight(name.length)
}

/** Some providers write `null` where a call has no arguments: what may become that is held back. */
function growTool(state: AnswerState, delta: ToolDelta): ToolDelta | undefined {
  begin(state, delta.choice)
  state.counter.addWeight(delta.text.length)
  const tool = state.tools?.get(`${delta.choice}:${delta.index}`)
  if (tool === undefined || !tool.isEmpty || tool.isCustom) return delta
  const text = tool.held + delta.text
  if (text !== '' && NULL.startsWith(text)) {
    tool.held = text
    return undefined
  }
  tool.isEmpty = text === ''
  tool.held = ''
  return text === delta.text ? delta : { ...delta, text }
}

/** The provider says that the answer is complete. `output` is what goes out before its end. */
function finalizeDone(state: AnswerState, output: OutputEvent[] = []): readonly OutputEvent[] {
  if (state.begun > 0 || state.finished > 0) return complete(state, output)
  output.push(...fail(state, emptyAnswer()))
  return output
}

function complete(state: AnswerState, output: OutputEvent[] = []): readonly OutputEvent[] {
  if (state.isOver) return output
  state.isOver = true
  const usage = state.counter.usage(true)
  state.used = usage
  // Clients parse the joined arguments as JSON; a tool that takes none still has to have an object.
  for (const { isEmpty, isCustom, held, choice, index } of state.tools?.values() ?? NOTHING_CALLED) {
    if (!isEmpty || isCustom) continue
    const text = held === '' || held === NULL ? '{}' : held
    output.push({ type: 'tool-delta', choice, index, text })
  }
  const finishes: Finish[] = []
  state.choices.forEach((choice, number) => {
    finishes.push({ choice: number, reason: reasonOf(choice) })
  })
  output.push({ type: 'end', finishes, usage })
  return output
}

function fail(state: AnswerState, failure: Failure): readonly OutputEvent[] {
  if (state.isOver) return NOTHING
  if (isFinished(state)) return complete(state)
  state.isOver = true
  return [{ type: 'error', failure }]
}

function close(state: AnswerState): readonly OutputEvent[] {
  if (state.isOver) return NOTHING
  if (isFinished(state)) return complete(state)
  return fail(state, state.begun > 0 ? cutAnswer() : emptyAnswer())
}

function isFinished({ finished, choicesAsked, unfinished }: AnswerState): boolean {
  return finished >= choicesAsked && unfinished === 0
}

/** A tool call is a tool call, though the provider calls its end a stop (translation 2.3); and without one it is none. */
function reasonOf({ finish, called }: ChoiceState): FinishReason {
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
