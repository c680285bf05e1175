import type { Refusal } from './hostile.ts'
import type { Profile, Request } from './world.ts'

export interface Ask {
  readonly profile: Profile
  readonly deadlineMs: number
  readonly waitMs: number
}

/** One request, as its policy sees it. */
export interface Course {
  readonly next: (now: number) => Ask | undefined
  /** The attempt that `next` named begins, after its wait. */
  readonly begins: (now: number) => void
  /** It failed before its first word. */
  readonly failed: (kind: 'error' | 'bad' | 'limit' | 'timeout', now: number, waitMs: number, refusal?: Refusal) => void
  /** Its first token came; not called for a whole body. */
  readonly first: (ttftMs: number, now: number) => void
  readonly ended: (kind: 'answer' | 'cut' | 'left', now: number) => void
  /** When the attempt that `next` named is late, in milliseconds; absent where that changes nothing. */
  readonly lateAfterMs?: () => number | undefined
  /** It is: a second attempt beside it, if one is made. It begins at once, and what comes of it is told to what this returns. */
  readonly hedge?: (now: number) => Hedge | undefined
  /** The other one of the two was quicker. */
  readonly lost?: (now: number) => void
}

/** A second attempt beside the first one. */
export interface Hedge {
  readonly ask: Ask
  readonly course: Course
}

/** Something that chooses. */
export interface Policy {
  readonly begin: (request: Request, now: number) => Course
  /** How often something that was well was taken out. */
  readonly falseOpens: () => number
}
