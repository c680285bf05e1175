/** A difference between a recording and what Router9 makes of it that is meant, and why. */
export type PairException = {
  readonly side: 'request' | 'answer'
  readonly api: RegExp
  /** The pairs that it is about; all of the API where absent. */
  readonly pair?: RegExp
  readonly path: RegExp
  readonly why: string
}

/** The named exceptions of request and answer pairs in the same format on both sides. */
export const PAIR_EXCEPTIONS: readonly PairException[] = []
