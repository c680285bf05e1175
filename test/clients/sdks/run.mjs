// Runs a script's functions, one a cell, and prints what each gave: started by ../sdks.ts in a sandbox.
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const CELL_LIMIT_MS = 30_000
const task = JSON.parse(await text(process.stdin))
const script = await import(new URL(process.argv[2], `file://${process.cwd()}/`).href)
const plain = ['chat', 'structured', 'embeddings'].find((name) => name in script)
const alike = { 'wrong key': plain, 'unknown model': plain }

process.on('unhandledRejection', () => undefined)
for (const cell of task.cells) {
  const name = alike[cell] ?? cell
  const mine = { ...task, prompt: task.prompts[name] }
  let runs = 0
  // The tool that is offered to the model.
  mine.read = ({ path }) => {
    runs++
    return readFileSync(path, 'utf8')
  }
  if (name === 'embeddings') mine.model = task.embedder
  if (cell === 'wrong key') mine.key = task.wrongKey
  if (cell === 'unknown model') mine.model = task.unknownModel
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Error('no answer within 30 s')), CELL_LIMIT_MS).unref(),
  )
  let said
  try {
    const value = name in script ? await Promise.race([script[name](mine), late]) : 'no such thing'
    said = { value: cell === 'tools' && name in script ? { text: value, runs } : value }
  } catch (error) {
    said = { error: error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error) }
  }
  process.stdout.write(`\n@@cell ${JSON.stringify({ cell, ...said })}\n`)
}
// Some libraries keep a timer or a connection.
process.stdout.write('', () => process.exit(0))
