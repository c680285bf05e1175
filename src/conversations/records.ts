/** The sealed parts of a record. An answer has all three; kept reasoning is an output alone. */
export const PARTS = ['input', 'output', 'response'] as const
export type Part = (typeof PARTS)[number]

/** What is kept of one answer. All but ids, times and sizes is encrypted before it gets here. */
export interface SealedRecord {
  readonly id: string
  /** The record that this one continues: a conversation is kept once, however many turns it has. */
  readonly parent?: string
  /** Further ids that this record is found by. */
  readonly aliases?: readonly string[]
  /** In milliseconds since 1970. */
  readonly expires: number
  readonly parts: Partial<Readonly<Record<Part, ArrayBuffer>>>
}

/** A record that is looked for. */
export interface Wanted {
  /** Of the record, or one of its aliases. */
  readonly id: string
  readonly parts: readonly Part[]
  /** Input and output of all records before it are wanted too. */
  readonly isContinued?: boolean
}

export interface Found {
  /** For each that was wanted, the id of its record; null where there is none. */
  readonly ids: readonly (string | null)[]
  /** Each record once, with the parts that were wanted of it. */
  readonly records: readonly Omit<SealedRecord, 'aliases' | 'expires'>[]
  /** There is more than may be read, so nothing was: at most so many bytes. */
  readonly excess?: number
}

/** The most that is kept of a key. When there is more, the oldest records go. */
export interface RecordBounds {
  readonly records: number
  readonly bytes: number
}

/** A larger record is not kept. */
export const MAX_RECORD_BYTES = 8 * 1024 * 1024
