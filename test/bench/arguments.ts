import path from 'node:path'
import { readArguments, readWholeNumber, UsageError } from '../../src/cli/arguments.ts'

/** Another gateway, to be measured in the same run: one that runs already, or a Worker in a folder. */
export type AskedPeer = RunningPeer | PeerFolder

export interface RunningPeer {
  readonly name: string
  readonly folder?: undefined
  readonly url: URL
  readonly pids: readonly number[]
  readonly headers: Readonly<Record<string, string>>
  /** What it calls the model; the scenario's own where absent. */
  readonly model: string | undefined
}

export interface PeerFolder {
  readonly name: string
  readonly folder: string
}

/** What a run of the benchmark is asked for. */
export interface Asked {
  readonly quick: boolean
  readonly json: boolean
  /** Part of the names of the scenarios to run; all where ''. */
  readonly only: string
  readonly rounds: number
  /** How long a lane runs in a round. */
  readonly laneMs: number
  readonly peers: readonly AskedPeer[]
  /** The folder of another version of Router9, installed, to be measured beside this one. */
  readonly before: string | undefined
  /** The mock upstream's port, for a peer that has to be told before; 0 for any. */
  readonly mockPort: number
  /** Settings of Router9 on top of the bench's own. */
  readonly vars: Readonly<Record<string, string>>
  readonly soak: boolean
  /** Latency as clients see it, instead of CPU. */
  readonly e2e: boolean
  /** Of each round, end to end. */
  readonly requests: number
  /** Where the result goes as JSON, too. */
  readonly jsonFile: string | undefined
  readonly attacks: boolean
  readonly soakSeconds: number
  readonly soakStreams: number
  /** Of each way to end. */
  readonly soakCalls: number
  /** The scenario to profile instead of measuring. */
  readonly profile: string | undefined
  /** To profile what is allocated instead of time. */
  readonly allocations: boolean
}

export const USAGE = `npm run bench -- [options]
  --quick              the few scenarios that tell most, with wide margins, in under a minute
  --only NAME          the scenarios whose names contain NAME
  --rounds N           rounds of each lane (5; 3 when quick)
  --lane-ms N          how long a lane runs in a round (500)
  --json               the result as JSON
  --json-file FILE     the result as JSON into a file, too
  --e2e [--requests N] latency end to end, one at a time and ten at once, as public comparisons of gateways have it: tables
                       in Markdown, of N requests a round (500; a fifth of them for streams)
  --var NAME=VALUE     a setting of Router9's, such as LOG_SAMPLE=0
  --peer NAME=FOLDER   measures another gateway beside Router9, as often as you like: a Worker, which is started here as
                       the folder's peer.json says (src/docs/performance.md)
  --peer [NAME=]URL --peer-pid PID [--peer-header 'name: value'] [--peer-model NAME] [--mock-port PORT]
                       the same with one that runs already; it has to know the mock upstream's address
  --before FOLDER      measures the version in that folder (a checkout, installed) beside this one
  --soak [--seconds N] [--streams N] [--calls N]
                       many streams at once for a minute, then errors beside good requests, then what stays in memory
                       of calls that end in N of each way (20000)
  --attacks            bodies, depths, lists and lies that nobody honest sends, beside another tenant's stream
  --profile SCENARIO   where Router9's time goes, by function of the bundle before it is minified
  --allocations        with --profile: what Router9 allocates per request and per event instead, collected or not`

/** @throws UsageError */
export function readBenchArguments(args: readonly string[]): Asked {
  const { values } = readArguments(args, {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    'lane-ms': { type: 'string', default: '500' },
    peer: { type: 'string', multiple: true, default: [] },
    'peer-pid': { type: 'string', default: '' },
    before: { type: 'string' },
    'peer-header': { type: 'string', multiple: true, default: [] },
    'peer-model': { type: 'string' },
    'mock-port': { type: 'string', default: '0' },
    var: { type: 'string', multiple: true, default: [] },
    soak: { type: 'boolean', default: false },
    e2e: { type: 'boolean', default: false },
    requests: { type: 'string', default: '500' },
    'json-file': { type: 'string' },
    attacks: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    streams: { type: 'string', default: '500' },
    calls: { type: 'string', default: '20000' },
    profile: { type: 'string' },
    allocations: { type: 'boolean', default: false },
  })
  if (values.allocations && values.profile === undefined) throw new UsageError('--allocations goes with --profile')
  const running = {
    pids: values['peer-pid'].split(',').flatMap((pid) => (pid === '' ? [] : readWholeNumber('peer-pid', pid, 1))),
    headers: Object.fromEntries(values['peer-header'].map(headerOf)),
    model: values['peer-model'],
  }
  return {
    quick: values.quick,
    json: values.json,
    only: values.only,
    rounds: readWholeNumber('rounds', values.rounds ?? (values.quick ? '3' : '5'), 1),
    laneMs: readWholeNumber('lane-ms', values['lane-ms'], 1),
    peers: peersOf(values.peer, running),
    before: values.before,
    mockPort: readWholeNumber('mock-port', values['mock-port'], 0),
    vars: Object.fromEntries(values.var.map(settingOf)),
    soak: values.soak,
    e2e: values.e2e,
    requests: readWholeNumber('requests', values.requests, 1),
    jsonFile: values['json-file'],
    attacks: values.attacks,
    soakSeconds: readWholeNumber('seconds', values.seconds, 1),
    soakStreams: readWholeNumber('streams', values.streams, 1),
    soakCalls: readWholeNumber('calls', values.calls, 1),
    profile: values.profile,
    allocations: values.allocations,
  }
}

/** Names that the lanes of a scenario have. */
const TAKEN = ['passthrough', 'copy loop', 'router9', 'before']

function peersOf(given: readonly string[], running: Omit<RunningPeer, 'name' | 'url'>): AskedPeer[] {
  const peers = given.map((text): AskedPeer => {
    const [, name, place = ''] = /^(?:([\w.-]+)=)?(.+)$/.exec(text) ?? []
    if (!place.includes('://')) return { name: name ?? path.basename(path.resolve(place)), folder: path.resolve(place) }
    const url = URL.parse(place)
    if (url?.protocol !== 'http:') {
      throw new UsageError('--peer takes NAME=FOLDER or an http address, such as http://127.0.0.1:8787/v1')
    }
    return { name: name ?? 'peer', url, ...running }
  })
  const names = [...TAKEN, ...peers.map(({ name }) => name)]
  if (new Set(names).size < names.length) throw new UsageError('--peer takes a name for each, as in NAME=FOLDER')
  if (peers.filter(({ folder }) => folder === undefined).length > 1) {
    throw new UsageError('--peer takes one address only: --peer-pid and the others are about one')
  }
  return peers
}

function settingOf(text: string): [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new UsageError('--var takes NAME=VALUE')
  return [name, value]
}

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new UsageError("--peer-header takes 'name: value'")
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()]
}
