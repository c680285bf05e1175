import type { Expected, ExpectedChoice, ExpectedError, ExpectedUsage, FinishReason } from './expected.ts'

/** A tool call while it is being put together. */
export type DraftTool = { id: string | null; name: string; arguments: string; byValue?: true }

/** A choice while it is being put together. */
export type DraftChoice = {
  pieces: string[]
  reasoning: string
  /** null: open. */
  refusal: string | null
  functionCall?: { name: string; arguments: string }
  tools: DraftTool[]
  /** Undefined while the provider has not finished it; null when it finished in a way the rules leave open. */
  finish?: FinishReason | null
  /** The finish is the last word, also after calls. */
  finishStands?: true
}

/** What a wire format's reader gathers from one recording. */
export type Draft = {
  choices: Map<number, DraftChoice>
  usage?: ExpectedUsage
  /** The provider reported a failure; reading stopped there. */
  error?: ExpectedError
  /** The provider said that the answer is over. */
  ended: boolean
  /** The rules allow this error in place of the answer. */
  instead?: ExpectedError
  /** Why the end is uncertain although every choice has finished: then an error is allowed as well. */
  doubt?: string
  notes: string[]
}

/** An empty draft. */
export function newDraft(): Draft {
  return { choices: new Map(), ended: false, notes: [] }
}

/** The choice of that index, made on first use. */
export function choiceOf(draft: Draft, index: number): DraftChoice {
  const known = draft.choices.get(index)
  if (known !== undefined) return known
  const fresh: DraftChoice = { pieces: [''], reasoning: '', refusal: '', tools: [] }
  draft.choices.set(index, fresh)
  return fresh
}

/** Adds text to the run of text that is open. */
export function addText(choice: DraftChoice, text: string) {
  choice.pieces[choice.pieces.length - 1] += text
}

/** Begins a new run of text, after something a gateway may show or drop. */
export function breakText(choice: DraftChoice) {
  choice.pieces.push('')
}

/** Decides what the client must see of a draft. */
export function settle(draft: Draft): Expected {
  const chosen = [...draft.choices.entries()].sort(([left], [right]) => left - right)
  const allFinished = chosen.length > 0 && chosen.every(([, choice]) => choice.finish !== undefined)
  const begun = chosen.some(([, choice]) => isMeaningful(choice))
  const complete = draft.error === undefined && (draft.ended || (allFinished && begun))
  if (complete && draft.instead !== undefined) {
    const refused = broken({ ...draft, choices: new Map(), error: draft.instead }, [])
    return { ...refused, orElse: answered(draft, chosen) }
  }
  if (complete && !begun) {
    // Whether an answer without any words is an answer is not written anywhere.
    return { ...broken(draft, chosen), orElse: answered(draft, chosen) }
  }
  if (!complete) return broken(draft, chosen)
  if (draft.doubt === undefined) return answered(draft, chosen)
  draft.notes.push(draft.doubt)
  return { ...answered(draft, chosen), orElse: broken(draft, chosen) }
}

type Chosen = [number, DraftChoice][]

function answered(draft: Draft, chosen: Chosen): Expected {
  const choices = (chosen.length === 0 ? [[0, choiceOf(newDraft(), 0)] as [number, DraftChoice]] : chosen).map(
    ([index, choice]) => {
      const settled = settleChoice(index, choice)
      for (const call of settled.toolCalls) if (call.arguments === '') call.arguments = '{}'
      if (choice.finish === undefined) settled.finishReason = 'stop'
      if (settled.finishReason === 'stop' && choice.tools.length > 0 && !choice.finishStands)
        settled.finishReason = 'tool_calls'
      return settled
    },
  )
  const expected: Expected = { outcome: 'answer', choices, notes: draft.notes }
  if (draft.usage !== undefined) expected.usage = draft.usage
  return expected
}

function broken(draft: Draft, chosen: Chosen): Expected {
  const begun = chosen.some(([, choice]) => isMeaningful(choice))
  const choices = chosen.map(([index, choice]) => {
    const settled = settleChoice(index, choice)
    // A call that was cut before its first argument may or may not have been closed with {}.
    for (const call of settled.toolCalls) if (call.arguments === '') call.arguments = null
    return settled
  })
  if (begun) {
    const { messageIncludes } = draft.error ?? {}
    const error: ExpectedError = messageIncludes === undefined ? {} : { messageIncludes }
    return { outcome: 'error-after-content', choices, error, notes: draft.notes }
  }
  const error = draft.error ?? { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
  // A fault of the provider is told in our words; only a caller's own mistake is told in the provider's.
  if (error.status !== undefined) delete error.messageIncludes
  return { outcome: 'error-before-content', choices: [], error, notes: draft.notes }
}

function settleChoice(index: number, choice: DraftChoice): ExpectedChoice {
  const pieces = choice.pieces.filter((piece) => piece !== '')
  return {
    index,
    text: pieces.join(''),
    ...(choice.pieces.length > 1 ? { pieces } : {}),
    reasoning: choice.reasoning,
    refusal: choice.refusal,
    ...(choice.functionCall === undefined ? {} : { functionCall: choice.functionCall }),
    toolCalls: choice.tools.map((tool, position) => ({ index: position, ...tool })),
    finishReason: choice.finish ?? null,
  }
}

function isMeaningful(choice: DraftChoice): boolean {
  return (
    choice.pieces.some((piece) => piece !== '') ||
    choice.reasoning !== '' ||
    (choice.refusal !== '' && choice.refusal !== null) ||
    choice.functionCall !== undefined ||
    choice.tools.length > 0 ||
    choice.finish !== undefined
  )
}
