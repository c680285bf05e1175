/** How much slower than ours the Worker's clock goes. */
const SLOWER = 100
/** A clock must not begin at a boundary. */
const INTO_MINUTE_MS = 5000

/**
 * A module in the Worker's place (`WorkerOptions.wrapper`) whose minute lasts longer than a test file. A minute's counts begin
 * anew with the minute: under the real clock a test would fail whenever it stands across that moment.
 */
export function longMinute(): string {
  const startedAt = Date.now()
  const shownAt = startedAt - (startedAt % 60_000) + INTO_MINUTE_MS
  return `export * from './router9.js'
export { default } from './router9.js'
const now = Date.now
Date.now = () => ${shownAt} + Math.floor((now() - ${startedAt}) / ${SLOWER})
`
}
