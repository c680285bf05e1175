import { createClient, shotAt } from './load.ts'
import { askStream } from './requests.ts'

/**
 * A process of its own that reads one paced stream after the other, as any other tenant does, and knows the longest wait for a
 * piece: `reset` begins anew, `report` answers with it in milliseconds.
 */
const [address = '', key = '', pace = ''] = process.argv.slice(2)
const shot = shotAt(new URL(address), askStream('groq/llama-3.3-70b-versatile', JSON.parse(pace)), {
  authorization: `Bearer ${key}`,
})

let longestMs = 0
let lastAt = performance.now()
let faults = 0

const seen = () => {
  const now = performance.now()
  longestMs = Math.max(longestMs, now - lastAt)
  lastAt = now
}

process.on('message', (message) => {
  // A wait that has not ended counts as long as it has lasted.
  if (message === 'report') process.send?.({ longestMs: Math.max(longestMs, performance.now() - lastAt), faults })
  longestMs = 0
  faults = 0
  lastAt = performance.now()
})
process.on('disconnect', () => process.exit(0))

const client = createClient()
for (;;) {
  const { status, error } = await client.fire(shot, seen)
  // Between two streams there is more to do than to wait for a word.
  lastAt = performance.now()
  if (status !== 200 || error !== undefined) {
    faults++
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
