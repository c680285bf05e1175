import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { readArguments, readWholeNumber, runProgram, UsageError } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { brief, CELLS, type Cell, type Client, MODELS, type Outcomes } from './client.ts'
import { CLIENTS } from './clients.ts'
import { CACHE, folderOf, install, versionOf } from './install.ts'
import { isInside, runInside } from './network.ts'
import { writePage } from './page.ts'
import { makeSandbox } from './sandbox.ts'
import { type Stage, startStage } from './stage.ts'
import { countOf, joinOutcomes, type Result, resultOf, toLine, toMarkdown } from './table.ts'

const USAGE = `npm run clients -- [options]
Installs real clients from npm and PyPI into a cache outside the repository, and drives each against the Worker with the
simulator, in a scratch home, where there is no network but the loopback.
  --client NAME    only those whose name holds this; may be given more than once
  --cell NAME      only this trial; may be given more than once
  --model NAME     only this model; may be given more than once
  --at-once 2      clients tried at once
  --quick          the short run of .ci/run
  --show           print what clients print
  --write          write src/docs/clients.md from the last result of each client
The last line says how many trials passed and failed, and how many clients were skipped. The exit status is 1 where one failed, 2 for a wrong command line.`

const RESULTS = path.join(CACHE, 'results.json')
const DEFAULT_ROUNDS = 3

interface Wanted {
  readonly clients: readonly Client[]
  readonly cells: readonly Cell[]
  readonly models: readonly string[] | undefined
  readonly atOnce: number
  readonly isQuick: boolean
  readonly doesWrite: boolean
}

function readWanted(args: readonly string[]): Wanted {
  const { values } = readArguments(args, {
    client: { type: 'string', multiple: true },
    cell: { type: 'string', multiple: true },
    model: { type: 'string', multiple: true },
    'at-once': { type: 'string', default: '2' },
    quick: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  })
  const names = (values.client ?? ['']).map((name) => name.toLowerCase())
  const clients = CLIENTS.filter(
    ({ name, quick }) =>
      names.some((part) => name.toLowerCase().includes(part)) && (!values.quick || quick !== undefined),
  )
  if (clients.length === 0) throw new UsageError('no client has such a name')
  const cells = CELLS.filter((cell) => values.cell?.includes(cell) ?? true)
  if (cells.length === 0) throw new UsageError(`there are these trials: ${CELLS.join(', ')}`)
  if (values.show) process.env.ROUTER9_CLIENTS_SHOW = '1'
  return {
    clients,
    cells,
    models: values.model,
    atOnce: readWholeNumber('at-once', values['at-once'], 1),
    isQuick: values.quick,
    doesWrite: values.write,
  }
}

/** With the network: installs. Then starts itself again without it. */
async function prepare(args: readonly string[]): Promise<boolean> {
  const { clients, atOnce, doesWrite } = readWanted(args)
  const python = await promisify(execFile)('python3', ['-c', 'import sys; print(sys.executable)']).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  const missing: string[] = []
  await inTurns([...Map.groupBy(clients, folderOf).values()], atOnce, async (rows) => {
    const [client] = rows
    if (client === undefined) return
    const isHopeless = client.language === 'python' && python === ''
    const installed = isHopeless ? Promise.reject(new Error('there is no Python here')) : install(client)
    await installed.catch((error: Error) => {
      missing.push(...rows.map(({ name }) => name))
      console.log(
        `${rows.map(({ name }) => name).join('; ')}: skipped, it cannot be installed: ${brief(error.message)}`,
      )
    })
  })
  if (missing.length === clients.length) {
    console.log(summary({ passed: 0, failed: 0 }, missing))
    return true
  }
  const status = await runInside(args, {
    ROUTER9_CLIENTS_PYTHON: python,
    ROUTER9_CLIENTS_SKIPPED: JSON.stringify(missing),
  })
  if (doesWrite) await writePage(toMarkdown(await storedResults()), await storedResults())
  return status === 0
}

/** Without the network: tries the clients. */
async function tryAll(args: readonly string[]): Promise<boolean> {
  const wanted = readWanted(args)
  const skipped: string[] = JSON.parse(process.env.ROUTER9_CLIENTS_SKIPPED ?? '[]')
  const clients = wanted.clients.filter(({ name }) => !skipped.includes(name))
  const bundle = await bundleWorker()
  const stage = await startStage(bundle.file)
  const results: Result[] = []
  try {
    await inTurns(clients, wanted.atOnce, async (client) => {
      const began = performance.now()
      const result = await tryClient(client, stage, wanted)
      results.push(result)
      console.log(`${toLine(result)}\n  (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    })
  } finally {
    await stage.stop()
    await bundle.remove()
  }
  if (!wanted.isQuick) await storeResults(results, wanted)
  const { passed, failed } = countOf(results)
  console.log(summary({ passed, failed }, skipped))
  return failed === 0
}

async function tryClient(client: Client, stage: Stage, { cells, models, isQuick }: Wanted): Promise<Result> {
  const quick = isQuick ? client.quick : undefined
  const asked = (quick?.models ?? client.models ?? MODELS).filter((model) => models?.includes(model) ?? true)
  const byModel: [string, Outcomes][] = []
  for (const model of asked) {
    // What a wrong key is told does not depend on the model.
    const mine = cells.filter(
      (cell) =>
        (quick?.cells.includes(cell) ?? true) &&
        (client.cells?.includes(cell) ?? true) &&
        (model === asked[0] || (cell !== 'wrong key' && cell !== 'unknown model')),
    )
    const sandbox = await makeSandbox(folderOf(client), client.language === 'python')
    try {
      const trial = { stage, sandbox, model, cells: mine, rounds: quick?.rounds ?? client.rounds ?? DEFAULT_ROUNDS }
      byModel.push([model, await client.run(trial)])
    } catch (error) {
      const failed = { state: 'failed', reason: brief((error as Error).message) } as const
      byModel.push([model, Object.fromEntries(mine.map((cell) => [cell, failed]))])
    } finally {
      await sandbox.remove()
    }
  }
  const joined = cells.flatMap((cell) => {
    const outcome = joinOutcomes(byModel.map(([model, outcomes]) => [model, outcomes[cell]]))
    const reason = client.ownFaults?.[cell]
    if (outcome?.state === 'failed' && reason !== undefined) return [[cell, { state: 'own fault', reason } as const]]
    return outcome === undefined ? [] : [[cell, outcome]]
  })
  return resultOf(client, versionOf(client), Object.fromEntries(joined))
}

function summary({ passed, failed }: { passed: number; failed: number }, skipped: readonly string[]): string {
  return `clients: ${passed} passed, ${failed} failed${skipped.length === 0 ? '' : `, ${skipped.length} skipped`}`
}

async function storedResults(): Promise<Result[]> {
  const stored: Result[] = JSON.parse(await readFile(RESULTS, 'utf8').catch(() => '[]'))
  return CLIENTS.flatMap(({ name }) => stored.find((result) => result.name === name) ?? [])
}

// A run of some clients or trials leaves what is known of the others; one of some models is for who looks for a fault.
async function storeResults(results: readonly Result[], { models, cells: tried }: Wanted): Promise<void> {
  if (models !== undefined) return
  const byName = new Map((await storedResults()).map((result) => [result.name, result]))
  for (const result of results) {
    const known = byName.get(result.name)
    const others = known?.version === result.version ? { ...known.cells } : {}
    // What the client has no more.
    for (const cell of tried) delete others[cell]
    byName.set(result.name, { ...result, cells: { ...others, ...result.cells } })
  }
  await mkdir(CACHE, { recursive: true })
  await writeFile(RESULTS, JSON.stringify([...byName.values()], null, 2))
}

async function inTurns<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

await runProgram(USAGE, (args) => (isInside() ? tryAll(args) : prepare(args)))
