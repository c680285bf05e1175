import { FAULT_KINDS, type FaultKind, type Manner } from './fault-kinds.ts'

/** A model under test, its provider, and who answers where it cannot. */
export interface Candidate {
  readonly model: string
  readonly provider: string
  readonly second: { readonly model: string; readonly provider: string }
}

const MISTRAL = { model: 'mistral-large-2512', provider: 'mistral' }

/** A model of each format. */
export const CANDIDATES: readonly Candidate[] = [
  { model: 'gpt-4o', provider: 'openai', second: MISTRAL },
  {
    model: 'claude-sonnet-4-5',
    provider: 'anthropic',
    second: { model: 'gemini-2.5-flash', provider: 'google' },
  },
  {
    model: 'gemini-2.5-flash',
    provider: 'google',
    second: { model: 'claude-sonnet-4-5', provider: 'anthropic' },
  },
  { model: 'command-a-03-2025', provider: 'cohere', second: MISTRAL },
]

/** One request of the table. */
export interface Row extends Manner {
  readonly name: string
  readonly fault: FaultKind
  readonly model: string
  readonly secondModel: string
  readonly secondProvider: string
  /** What the model is asked to say: no other row says it. */
  readonly words: string
}

/** Every model with every fault, streamed and whole, alone and with a second model. */
export function allRows(): Row[] {
  const rows: Row[] = []
  for (const candidate of CANDIDATES) {
    for (const fault of FAULT_KINDS) {
      for (const stream of [true, false]) {
        for (const second of [false, true]) rows.push(rowOf(candidate, fault, stream, second, rows.length))
      }
    }
  }
  return rows
}

function rowOf(candidate: Candidate, fault: FaultKind, stream: boolean, second: boolean, number: number): Row {
  // Where nobody listens for any of these, only another can help.
  const other = fault.refused === true ? MISTRAL : candidate.second
  return {
    name: `${candidate.model} ${fault.name}, ${stream ? 'streamed' : 'whole'}, ${second ? 'with a second model' : 'alone'}`,
    fault,
    model: candidate.model,
    provider: candidate.provider,
    secondModel: other.model,
    secondProvider: other.provider,
    stream,
    second,
    words: `row ${number} says: one two three four five six.`,
  }
}

/** The request of a row: only its own provider, and the second where there is one, may answer. */
export function bodyOf(row: Row): Record<string, unknown> {
  const order = row.fault.order === '' ? '' : ` [[sim ${row.provider} ${row.fault.order}]]`
  return {
    model: row.model,
    ...(row.second ? { models: [row.secondModel] } : {}),
    provider: { only: row.second ? [row.provider, row.secondProvider] : [row.provider] },
    messages: [{ role: 'user', content: `Repeat exactly: ${row.words}${order}` }],
    stream: row.stream,
  }
}
