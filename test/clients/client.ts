import type { Packages } from './install.ts'
import type { Sandbox } from './sandbox.ts'
import type { Stage } from './stage.ts'

/** What is tried with each client, in the order of the table's columns. */
export const CELLS = [
  'chat',
  'stream',
  'tools',
  'structured',
  'image',
  'abort',
  'handoff',
  'models',
  'count',
  'embeddings',
  'wrong key',
  'unknown model',
] as const
export type Cell = (typeof CELLS)[number]

/** What became of a trial. A text is what the client's user reads, where that is the point. */
export type Outcome =
  | { readonly state: 'ok'; readonly text?: string }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'own fault'; readonly reason: string }

/** Of what a client has nothing here, it has no such thing. */
export type Outcomes = Partial<Record<Cell, Outcome>>

/** One client with one model. */
export interface Trial {
  readonly stage: Stage
  /** The client, installed, with a scratch home of its own. */
  readonly sandbox: Sandbox
  readonly model: string
  /** Only these; the errors do not depend on the model, so they are tried with the first one. */
  readonly cells: readonly Cell[]
  /** Rounds of the tool loop. */
  readonly rounds: number
}

/** A row of the table. */
export interface Client extends Packages {
  /** One of them is not of the client's own maker. */
  readonly models?: readonly string[]
  /** Only these are tried. */
  readonly cells?: readonly Cell[]
  /** Rounds of its tool loop, where it is not the usual number. */
  readonly rounds?: number
  /** What fails because of the client itself, with any server, and why. */
  readonly ownFaults?: Partial<Record<Cell, string>>
  /** Whether it belongs to the short run, and with which of its models and cells. */
  readonly quick?: { readonly models: readonly string[]; readonly cells: readonly Cell[]; readonly rounds?: number }
  /** Tries the cells, one after the other. A trial that throws has failed in all of them. */
  readonly run: (trial: Trial) => Promise<Outcomes>
}

export const GPT = 'openai/gpt-5.1'
export const CLAUDE = 'anthropic/claude-sonnet-4-5'
export const GEMINI = 'google/gemini-3.5-flash'
/** A model each of three providers with three formats. */
export const MODELS = [GPT, CLAUDE, GEMINI]

/** What the start page has clients ask for. */
export const AUTO = 'auto'

/** The model of vectors that is tried beside each. */
export const EMBEDDERS: Readonly<Record<string, string>> = {
  [GPT]: 'openai/text-embedding-3-small',
  [CLAUDE]: 'cohere/embed-v4.0',
  [GEMINI]: 'google/gemini-embedding-001',
}
/** What is embedded. */
export const TEXTS = ['Ghent', 'The cat sat on the mat.', 'Größe, 東京, 🙂', 'Ghent is a city.', 'a', 'The Lys']

export const WRONG_KEY = 'sk-r9k-wrong'
export const UNKNOWN_MODEL = 'no-such-model-9'
/** What the simulator answers to `Count to 12`. */
export const TWELVE = '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12'

/** An image of one red pixel. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'

/** A client did not do what it should have done. */
export class Wrong extends Error {}

/** @throws Wrong where the condition does not hold; the message says what was seen. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Wrong(message)
}

/** The text in one line, not too long for a table. */
export function brief(text: string, characters = 240): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > characters ? `${line.slice(0, characters - 1)}…` : line
}
