import type { Dialect, Incoming, Rendering } from './dialect.ts'
import type { Fault } from './faults.ts'
import type { Prompt } from './prompt.ts'
import type { Sender } from './sender.ts'

/** An exchange that is under way. */
export interface Exchange {
  incoming: Incoming
  dialect: Dialect
  prompt: Prompt
  fault: Fault
  rendering: Rendering
  sender: Sender
  /** Called once the whole answer is written. */
  onWhole: () => void
}
