import { randomBytes } from 'node:crypto'
import path from 'node:path'
import {
  brief,
  type Cell,
  type Client,
  check,
  type Outcome,
  type Outcomes,
  PIXEL,
  type Trial,
  UNKNOWN_MODEL,
  WRONG_KEY,
} from './client.ts'
import { checkComplaint } from './complaints.ts'
import type { Command, Finished, Sandbox } from './sandbox.ts'

const LIMIT_MS = 90_000
const ROUND_LIMIT_MS = 10_000
/** Some try an error again and again before they tell of it. */
const COMPLAINT_LIMIT_MS = 180_000
/** How Base64 of a PNG, a JPEG, a GIF or a WebP begins. */
const PICTURE = /iVBORw0KGgo|\/9j\/|R0lGOD|UklGR/
const FORTY = Array.from({ length: 40 }, (_, index) => index + 1).join(', ')

/** What an agent is to do once, without anybody to ask. */
export interface Task {
  readonly cell: Cell
  readonly prompt: string
  readonly url: string
  readonly key: string
  readonly model: string
  /** A picture to show with the prompt. */
  readonly image?: string
  /** A file with a JSON schema for the answer. */
  readonly schema?: string
}

/** What an agent told its user. */
export interface Told {
  readonly answer: string
  /** The pieces of the answer as they came, of an agent that shows them. */
  readonly pieces?: readonly string[]
}

/** An agent's row. */
export interface Agent extends Omit<Client, 'run'> {
  /** What it has, beside chat, tools, errors and being interrupted. */
  readonly has: readonly ('stream' | 'structured' | 'image')[]
  readonly start: (task: Task, sandbox: Sandbox) => Promise<Pick<Command, 'args' | 'env' | 'input'>>
  readonly read: (finished: Finished) => Told
  /** Its tools in the simulator's instructions: one that reads a file, one that runs a command. */
  readonly readFile: (file: string) => string
  readonly runCommand: (command: string) => string
  /** Of one that has the model answer by a tool of its own when there is a schema: that call. */
  readonly answerWith?: string
}

/** A client that is a program which works on files. */
export function agent(ways: Agent): Client {
  return { ...ways, run: (trial) => runAgent(ways, trial) }
}

type Ways = Omit<Agent, keyof Client>

async function runAgent(ways: Ways, trial: Trial): Promise<Outcomes> {
  const outcomes: Outcomes = {}
  for (const cell of trial.cells) {
    const isThere = cell === 'stream' || cell === 'structured' || cell === 'image' ? ways.has.includes(cell) : true
    if (!isThere || isOfLibraries(cell)) continue
    outcomes[cell] = await TRIALS[cell](ways, trial).then(
      (text): Outcome => ({ state: 'ok', ...(text === undefined ? {} : { text }) }),
      (error: Error): Outcome => ({ state: 'failed', reason: brief(error.message) }),
    )
  }
  return outcomes
}

type OfLibraries = (typeof OF_LIBRARIES)[number]
const OF_LIBRARIES = ['handoff', 'models', 'count', 'embeddings'] as const

function isOfLibraries(cell: Cell): cell is OfLibraries {
  return OF_LIBRARIES.some((one) => one === cell)
}

type Try = (ways: Ways, trial: Trial) => Promise<string | undefined>

const TRIALS: Readonly<Record<Exclude<Cell, OfLibraries>, Try>> = {
  chat: async (ways, trial) => {
    const word = newWord('word')
    const { answer } = await ask(ways, trial, { cell: 'chat', prompt: saying(word) })
    // An error that quotes the prompt holds the word too.
    check(answer.includes(word) && !answer.includes('[[sim'), `said ${brief(answer)}`)
    return undefined
  },
  stream: async (ways, trial) => {
    const { answer, pieces = [] } = await ask(ways, trial, { cell: 'stream', prompt: saying(FORTY) })
    check(answer.includes(FORTY) && !answer.includes('[[sim'), `said ${brief(answer)}`)
    const joined = pieces.join('')
    check(pieces.length > 3 && joined.includes(FORTY), `${pieces.length} pieces: ${brief(joined)}`)
    return undefined
  },
  tools: runTools,
  structured: async (ways, trial) => {
    const schema = await trial.sandbox.write('schema.json', JSON.stringify(CITY))
    const prompt = `The city of "Ghent" has 265086 inhabitants. ${ways.answerWith ?? ''}`
    const { answer } = await ask(ways, trial, { cell: 'structured', prompt, schema })
    check(/"city":\s*"Ghent"/.test(answer) && /"inhabitants":\s*265086/.test(answer), `gave ${brief(answer)}`)
    return undefined
  },
  image: async (ways, trial) => {
    const image = await trial.sandbox.write('work/pixel.png', Buffer.from(PIXEL, 'base64'))
    const word = newWord('word')
    const { answer } = await ask(ways, trial, { cell: 'image', prompt: saying(word), image })
    check(answer.includes(word) && !answer.includes('[[sim'), `said ${brief(answer)}`)
    // Some make another picture of it first.
    check(
      trial.stage.askedWith(word).some((body) => PICTURE.test(body)),
      'the provider did not get the picture',
    )
    return undefined
  },
  abort: async (ways, trial) => {
    const word = newWord('leaving')
    const { sandbox, stage } = trial
    const task = taskOf(trial, { cell: 'abort', prompt: `${word} ${saying(FORTY, 'tokendelay=300')}` })
    const asked = stage.isAsked(word)
    const run = sandbox.run({ ...(await ways.start(task, sandbox)), limitMs: LIMIT_MS, interruptWhen: asked })
    await run
    check(await stage.wasLeft(word), 'the provider was not left')
    return undefined
  },
  'wrong key': (ways, trial) => complain(ways, trial, 'wrong key', { key: WRONG_KEY }),
  'unknown model': (ways, trial) => complain(ways, trial, 'unknown model', { model: UNKNOWN_MODEL }),
}

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' }, inhabitants: { type: 'number' } },
  required: ['city', 'inhabitants'],
  additionalProperties: false,
}

/** Reads files, a round each, then runs a command. Each file's word must reach the model, the last one the user and the disk. */
async function runTools(ways: Ways, trial: Trial): Promise<undefined> {
  const { sandbox, stage, rounds } = trial
  const words = Array.from({ length: rounds - 1 }, () => newWord('token'))
  for (const [at, word] of words.entries()) await sandbox.write(`work/step-${at + 1}.txt`, `${word}\n`)
  const last = newWord('token')
  await sandbox.write('work/last.txt', `${last}\n`)
  const file = path.join(sandbox.work, 'step-%round%.txt')
  const orders = `${ways.readFile(file)} repeat=${rounds - 1} ${ways.runCommand('cat last.txt | tee copy.txt')}`
  const task = { cell: 'tools', prompt: `Do it. [[sim * ${orders}]]` } as const
  const { answer } = await ask(ways, trial, task, rounds * ROUND_LIMIT_MS)
  check(answer.includes(last), `the command's word is not in the answer: ${brief(answer)}`)
  check((await sandbox.read('work/copy.txt')).includes(last), 'the command left nothing on the disk')
  const unheard = words.findIndex((word) => stage.askedWith(word).length === 0)
  check(unheard < 0, `the provider did not get the file of round ${unheard + 1}`)
}

async function complain(
  ways: Ways,
  trial: Trial,
  cell: 'wrong key' | 'unknown model',
  wrong: Partial<Task>,
): Promise<string> {
  const task = { ...taskOf(trial, { cell, prompt: saying('hello') }), ...wrong }
  const finished = await trial.sandbox.run({ ...(await ways.start(task, trial.sandbox)), limitMs: COMPLAINT_LIMIT_MS })
  const { answer } = ways.read(finished)
  const text = answer || finished.stderr.trim() || finished.stdout.trim()
  check(!finished.timedOut || text !== '', 'it never ends, and says nothing')
  return checkComplaint(cell, text)
}

async function ask(
  ways: Ways,
  trial: Trial,
  task: Pick<Task, 'cell' | 'prompt' | 'image' | 'schema'>,
  limitMs = LIMIT_MS,
): Promise<Told> {
  const command = await ways.start(taskOf(trial, task), trial.sandbox)
  const finished = await trial.sandbox.run({ ...command, limitMs: Math.max(limitMs, LIMIT_MS) })
  const told = ways.read(finished)
  if (told.answer !== '') return told
  const text = brief(finished.stderr.trim() || finished.stdout.trim())
  check(!finished.timedOut, `no end within ${limitMs / 1000} s: ${text}`)
  check(false, `no answer, but: ${text}`)
}

function taskOf({ stage, model }: Trial, task: Pick<Task, 'cell' | 'prompt' | 'image' | 'schema'>): Task {
  return { url: stage.url, key: stage.key, model, ...task }
}

// Agents describe their tools at length, so no word of a prompt may be left to chance.
function saying(text: string, more = ''): string {
  return `Do it. [[sim * ${more} say=${JSON.stringify(text)}]]`
}

/** The call that gives the answer wanted, by a tool of this name. */
export function cityBy(tool: string): string {
  return `[[sim * call=${tool}${JSON.stringify({ city: 'Ghent', inhabitants: 265086 })}]]`
}

function newWord(kind: string): string {
  return `${kind}${randomBytes(8).toString('hex')}`
}

/** The lines of an output that are JSON objects. */
export function jsonLines<T>(stdout: string): T[] {
  return stdout.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      return [JSON.parse(line) as T]
    } catch {
      return []
    }
  })
}
