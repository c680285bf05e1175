import { randomBytes } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import path from 'node:path'
import { embeddingModel } from '../simulator/embeddings-models.ts'
import { vectorOf } from '../simulator/embeddings-vectors.ts'
import {
  brief,
  type Cell,
  type Client,
  check,
  EMBEDDERS,
  type Outcome,
  type Outcomes,
  PIXEL,
  TEXTS,
  type Trial,
  TWELVE,
  UNKNOWN_MODEL,
  WRONG_KEY,
  Wrong,
} from './client.ts'
import { checkComplaint } from './complaints.ts'

const LIMIT_MS = 90_000
const ANSWER_MARK = '@@cell '
const SCRIPTS = path.join(import.meta.dirname, 'sdks')

/** A library's row: its script has a function for each cell that the library can do. */
export interface Library extends Omit<Client, 'run'> {
  /** In `sdks/`. */
  readonly script: string
  /** What the script is told beside the rest: which of several ways to speak. */
  readonly way?: string
  /** What it cannot do this way, though its script can do it another way. */
  readonly without?: readonly Cell[]
}

interface Said {
  readonly cell: Cell
  readonly value?: unknown
  readonly error?: string
}

/** A client that is a library. One process tries all its cells with one model. */
export function library({ script, way = '', without = [], ...client }: Library): Client {
  return { ...client, run: (trial) => runScript(script, way, without, trial) }
}

async function runScript(script: string, way: string, without: readonly Cell[], trial: Trial): Promise<Outcomes> {
  const { sandbox, stage, model, rounds } = trial
  const cells = trial.cells.filter((cell) => !without.includes(cell))
  const [word = '', token = '', leaving = ''] = ['word', 'token', 'leaving'].map(
    (name) => `${name}${randomBytes(8).toString('hex')}`,
  )
  for (let round = 1; round <= rounds; round++) {
    await sandbox.write(`work/step-${round}.txt`, round === rounds ? token : `go on to ${round + 1}`)
  }
  const isPython = script.endsWith('.py')
  const runner = isPython ? 'run.py' : 'run.mjs'
  // Under its own name it would stand before the package in Python's eyes.
  const copy = `script${path.extname(script)}`
  await copyFile(path.join(SCRIPTS, runner), path.join(sandbox.home, runner))
  await copyFile(path.join(SCRIPTS, script), path.join(sandbox.home, copy))
  const task = {
    cells,
    way,
    url: stage.url,
    key: stage.key,
    model,
    embedder: embedderOf(model),
    texts: TEXTS,
    wrongKey: WRONG_KEY,
    unknownModel: UNKNOWN_MODEL,
    image: PIXEL,
    word,
    prompts: {
      chat: `Say: ${word}`,
      stream: 'Count to 12',
      tools: `Read it. [[sim * call=read_file{"path":"step-%round%.txt"} repeat=${rounds}]]`,
      count: 'How many tokens are these?',
      structured: 'The city of "Ghent" has 265086 inhabitants.',
      image: 'What do you see?',
      abort: `${leaving} Count to 200 [[sim * tokendelay=100]]`,
      handoff: `Hand over. [[sim * call=transfer_to_reader{} call=read_file{"path":"step-${rounds}.txt"}]]`,
    },
  }
  const { stdout, stderr, timedOut } = await sandbox.run({
    args: [
      isPython ? (process.env.ROUTER9_CLIENTS_PYTHON ?? 'python3') : process.execPath,
      `../${runner}`,
      `../${copy}`,
    ],
    env: { OPENAI_AGENTS_DISABLE_TRACING: '1', AI_SDK_LOG_WARNINGS: 'false' },
    input: JSON.stringify(task),
    limitMs: LIMIT_MS,
  })
  const said: Said[] = stdout
    .split('\n')
    .flatMap((line) => (line.startsWith(ANSWER_MARK) ? [JSON.parse(line.slice(ANSWER_MARK.length))] : []))
  const outcomes: Outcomes = {}
  for (const cell of cells) {
    const heard = said.find((one) => one.cell === cell)
    if (heard === undefined) {
      const why = timedOut ? `nothing within ${LIMIT_MS / 1000} s` : lastLine(stderr)
      outcomes[cell] = { state: 'failed', reason: why }
    } else if (heard.value !== 'no such thing') {
      outcomes[cell] = await outcomeOf(heard, { word, token, leaving, rounds, stage, model })
    }
  }
  return outcomes
}

type Wanted = Pick<Trial, 'rounds' | 'stage' | 'model'> & {
  readonly [name in 'word' | 'token' | 'leaving']: string
}

async function outcomeOf(said: Said, wanted: Wanted): Promise<Outcome> {
  try {
    if (said.cell === 'wrong key' || said.cell === 'unknown model') {
      check(said.error !== undefined, `no error, but ${brief(String(said.value))}`)
      return { state: 'ok', text: checkComplaint(said.cell, said.error) }
    }
    if (said.error !== undefined) throw new Wrong(said.error)
    await checkValue(said, wanted)
    return { state: 'ok' }
  } catch (error) {
    return { state: 'failed', reason: brief((error as Error).message) }
  }
}

async function checkValue({ cell, value }: Said, wanted: Wanted): Promise<void> {
  const { word, token, leaving, rounds, stage, model } = wanted
  const seen = brief(JSON.stringify(value) ?? 'nothing')
  switch (cell) {
    case 'chat':
      return check(String(value).trim() === word, `said ${seen}`)
    case 'stream': {
      const pieces = value as string[]
      check(pieces.length > 3 && pieces.join('') === TWELVE, `streamed ${seen}`)
      return
    }
    case 'tools': {
      const { text, runs } = value as { text: string; runs: number }
      check(text.includes(token), `the file's word is not in the answer: ${seen}`)
      return check(runs === rounds, `${runs} calls instead of ${rounds}`)
    }
    case 'handoff':
      return check(String(value).includes(token), `the file's word is not in the answer: ${seen}`)
    case 'structured': {
      const { city, inhabitants } = value as { city?: unknown; inhabitants?: unknown }
      return check(city === 'Ghent' && inhabitants === 265086, `gave ${seen}`)
    }
    case 'image':
      return check(/image \(.*image\/png/.test(String(value)), `said ${seen}`)
    case 'models':
      return check(hasModel(value as string[], model), `${(value as string[]).length} models, but not ${model}`)
    case 'count':
      return check(typeof value === 'number' && value > 3, `counted ${seen}`)
    case 'embeddings':
      return checkVectors(value as number[][] | Similarities, embedderOf(model))
    case 'abort':
      check(typeof value === 'number' && value < 100, `heard ${seen} pieces before it stopped`)
      return check(await stage.wasLeft(leaving), 'the provider was not left')
  }
}

// A list has the shorter name of each.
function hasModel(names: readonly string[], model: string): boolean {
  return names.some((name) => name === model || model.endsWith(`/${name}`))
}

/** Of each text to the one before it, from a client that shows no more of the vectors. */
interface Similarities {
  readonly similarities: readonly number[]
}

function checkVectors(value: readonly (readonly number[])[] | Similarities, model: string): void {
  const wanted = TEXTS.map((text) => Array.from(vectorOf(model, text, embeddingModel(model).dimensions)))
  if ('similarities' in value) {
    const likenesses = wanted.map((vector, at) => likeness(vector, wanted.at(at - 1) ?? []))
    check(areNear(value.similarities, likenesses), `similarities of ${value.similarities.join(', ')}`)
    return
  }
  check(value.length === TEXTS.length, `${value.length} vectors instead of ${TEXTS.length}`)
  for (const [at, vector] of value.entries()) {
    check(areNear(vector, wanted[at] ?? []), `vector ${at} is another: ${brief(JSON.stringify(vector), 60)}`)
  }
}

// Some clients count in 32 bits.
function areNear(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((one, at) => Math.abs(one - (others[at] ?? 9)) < 1e-6)
}

function likeness(one: readonly number[], other: readonly number[]): number {
  const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0)
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other))
}

function embedderOf(model: string): string {
  return EMBEDDERS[model] ?? 'openai/text-embedding-3-small'
}

// Python's last line is what went wrong, and Node's last is its version.
function lastLine(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /\S/.test(line) && !/^\s+at |^Node\.js v/.test(line))
  return brief(lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? 'it ended without a word')
}
