import * as z from 'zod/mini'
import type { OutputEvent } from '../chat/event.ts'
import { sizeOf } from '../formats/shared/kept-reasoning.ts'

/** The most that is collected of one answer, arguments included. */
const MAX_COLLECTED_CHARACTERS = 1024 * 1024
/** The most choices that a request may ask for. */
const MAX_CHOICES = 128

export const savedReasoning = z.object({
  reasoning_content: z.optional(z.string()),
  reasoning_details: z.optional(z.array(z.looseObject({ type: z.string() }))),
  /** The `extra_content` of each call, in the order of the calls; null if a call had none. */
  extras: z.array(z.unknown()),
})
/** What is saved of one assistant turn. */
export type SavedReasoning = z.infer<typeof savedReasoning>

/** Collects the reasoning of an answer that calls tools. */
export interface ReasoningCollector {
  readonly push: (event: OutputEvent) => void
  /** What to save after the end of the answer: one turn for each choice that has both reasoning and calls. */
  readonly result: () => readonly CollectedTurn[]
}

export interface CollectedTurn {
  readonly reasoning: SavedReasoning
  readonly calls: readonly Call[]
}

/** A tool call, as far as it tells one turn from another. */
export interface Call {
  readonly id: string
  readonly name: string
  /** JSON text; for a custom tool, its input. */
  readonly arguments: string
}

interface OpenTurn {
  reasoning: string
  readonly details: { type: string }[]
  readonly calls: Map<number, { id: string; name: string; arguments: string; extra: unknown }>
}

interface CollectorState {
  readonly turns: Map<number, OpenTurn>
  /** Infinite after the answer has exceeded its bound: then nothing of it is saved. */
  characters: number
}

export function createReasoningCollector(): ReasoningCollector {
  const state: CollectorState = { turns: new Map(), characters: 0 }
  return {
    push: (event) => {
      if (state.characters > MAX_COLLECTED_CHARACTERS) return
      collect(state, event)
      if (state.characters > MAX_COLLECTED_CHARACTERS || state.turns.size > MAX_CHOICES) {
        state.characters = Number.POSITIVE_INFINITY
        state.turns.clear()
      }
    },
    result: () => [...state.turns.values()].flatMap(toCollectedTurns),
  }
}

function collect(state: CollectorState, event: OutputEvent): void {
  switch (event.type) {
    case 'reasoning':
      state.characters += event.text.length
      turnOf(state, event.choice).reasoning += event.text
      break
    case 'tool-start': {
      const { id, name, extra } = event
      const content = extra?.extra_content ?? null
      state.characters += id.length + name.length + (content === null ? 0 : sizeOf(content))
      turnOf(state, event.choice).calls.set(event.index, { id, name, arguments: '', extra: content })
      break
    }
    case 'tool-delta': {
      const call = state.turns.get(event.choice)?.calls.get(event.index)
      if (call === undefined) break
      state.characters += event.text.length
      call.arguments += event.text
      break
    }
    case 'extra': {
      const details = event.fields.reasoning_details
      if (!Array.isArray(details)) break
      state.characters += sizeOf(details)
      if (state.characters > MAX_COLLECTED_CHARACTERS) break
      const turn = turnOf(state, event.choice)
      for (const detail of details) turn.details.push(detail)
    }
  }
}

function turnOf({ turns }: CollectorState, choice: number): OpenTurn {
  const known = turns.get(choice)
  if (known !== undefined) return known
  const created: OpenTurn = { reasoning: '', details: [], calls: new Map() }
  turns.set(choice, created)
  return created
}

function toCollectedTurns({ reasoning, details, calls: callsByIndex }: OpenTurn): CollectedTurn[] {
  const calls = [...callsByIndex.values()]
  const extras = calls.map(({ extra }) => extra)
  if (calls.length === 0) return []
  if (reasoning === '' && details.length === 0 && extras.every((extra) => extra === null)) return []
  const saved: SavedReasoning = {
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    extras,
  }
  return [{ reasoning: saved, calls }]
}
