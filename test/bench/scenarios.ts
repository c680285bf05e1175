import { ask, askGemini, askStream, askVectors, conversation, longText, type Pace, picture } from './requests.ts'
import type { Goal } from './targets.ts'
import type { Wire } from './upstream-answers.ts'

/** What a lane's rounds give. */
export interface Reading {
  readonly cpuPerRequestUs: number
  readonly cpuPerRequestMs: number
  /** NaN where the answers are no streams. */
  readonly cpuPerEventUs: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly firstChunkMs: number
  readonly rssMb: number
}

/** One way to have a request answered, measured beside the others of its scenario. */
export interface Lane {
  readonly name: string
  readonly gateway: 'passthrough' | 'copy' | 'router9' | 'before' | 'peer'
  /** Not a peer's: it has one for all. */
  readonly path: string
  readonly body: string
  /** Events in each answer; 0 where it is no stream. */
  readonly events: number
  /** Of the provider behind it, which a peer has to be told. */
  readonly wire?: Wire
}

/** Whose figures stand in for a lane of this name: those of the peer that did best at that scenario. */
export const BEST_PEER = 'best peer'

/** A goal that is read from the lanes: `of` over `to`, or the figure of `of` by itself. */
export interface LaneGoal extends Goal {
  readonly of: string
  readonly to?: string
  readonly reading: keyof Reading
  readonly how: 'ratio' | 'difference' | 'itself'
}

export interface Scenario {
  readonly name: string
  readonly concurrency: number
  readonly lanes: readonly Lane[]
  readonly goals: readonly LaneGoal[]
  /** How long a lane runs in a round at least: for what happens once a second. */
  readonly leastMs?: number
  /** Of an API that the version before may not have, so that it is not measured beside this one. */
  readonly isNew?: true
  /** Part of the quick run. */
  readonly quick?: true
}

/** Where each wire is asked without a gateway's help. */
const PATHS: Readonly<Record<Wire, { whole: string; stream: string }>> = {
  openai: { whole: '/openai/v1/chat/completions', stream: '/openai/v1/chat/completions' },
  anthropic: { whole: '/anthropic/v1/messages', stream: '/anthropic/v1/messages' },
  gemini: {
    whole: '/google/v1beta/models/gemini-2.5-flash:generateContent',
    stream: '/google/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
  },
  cohere: { whole: '/cohere/v2/chat', stream: '/cohere/v2/chat' },
}

/** A model whose first provider speaks that wire. */
export const MODELS: Readonly<Record<Wire, string>> = {
  openai: 'gpt-4o-mini',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  cohere: 'command-a-03-2025',
}
const WIRES = ['openai', 'anthropic', 'gemini', 'cohere'] as const

function whole(name: string, wire: Wire, concurrency: number, body: string, goals: readonly LaneGoal[] = []): Scenario {
  return {
    name,
    concurrency,
    lanes: [
      { name: 'passthrough', gateway: 'passthrough', path: PATHS[wire].whole, body, events: 0 },
      { name: 'router9', gateway: 'router9', path: '/v1/chat/completions', body, events: 0 },
      { name: 'peer', gateway: 'peer', path: '', body, events: 0, wire },
    ],
    goals,
  }
}

function stream(
  name: string,
  wire: Wire,
  concurrency: number,
  pace: Pace,
  goals: readonly LaneGoal[],
  limitPace = pace,
): Scenario {
  const body = askStream(MODELS[wire], pace)
  const { events } = pace
  const path = PATHS[wire].stream
  return {
    name,
    concurrency,
    lanes: [
      {
        name: 'passthrough',
        gateway: 'passthrough',
        path,
        body: askStream(MODELS[wire], limitPace),
        events: limitPace.events,
      },
      { name: 'copy loop', gateway: 'copy', path, body, events },
      { name: 'router9', gateway: 'router9', path: '/v1/chat/completions', body, events },
      { name: 'peer', gateway: 'peer', path: '', body, events, wire },
    ],
    goals: [...goals, overPeer(name, 0.9, 'cpuPerEventUs')],
  }
}

function overLimit(name: string, must: number, aim: number): LaneGoal {
  return {
    name,
    unit: '×',
    must,
    aim,
    usual: 2.8,
    of: 'router9',
    to: 'passthrough',
    reading: 'cpuPerRequestUs',
    how: 'ratio',
  }
}

function overCopy(name: string): LaneGoal {
  return {
    name,
    unit: '×',
    must: 1.2,
    aim: 1,
    usual: 1.35,
    of: 'router9',
    to: 'copy loop',
    reading: 'cpuPerEventUs',
    how: 'ratio',
  }
}

/** CPU over that of the best peer: of a request, or of an event where the answers are streams. */
function overPeer(name: string, must: number, reading: keyof Reading = 'cpuPerRequestUs'): LaneGoal {
  return { name: `${name}, over the best peer`, unit: '×', must, of: 'router9', to: BEST_PEER, reading, how: 'ratio' }
}

/** Lanes of another API than chat completions; the version before may not have it. */
function ofApi(name: string, concurrency: number, paths: Paths, body: string, events = 0): Scenario {
  return {
    name,
    concurrency,
    isNew: true,
    lanes: [
      { name: 'passthrough', gateway: 'passthrough', path: paths.provider, body, events },
      ...(events > 0 ? [{ name: 'copy loop', gateway: 'copy' as const, path: paths.provider, body, events }] : []),
      { name: 'router9', gateway: 'router9', path: paths.router9, body, events },
    ],
    goals: [],
  }
}

/** What is asked for in a way of Router9's own. */
function withoutPeers(scenario: Scenario): Scenario {
  return { ...scenario, lanes: scenario.lanes.filter(({ gateway }) => gateway !== 'peer') }
}

interface Paths {
  readonly provider: string
  readonly router9: string
}

const EMBEDDINGS: Paths = { provider: '/openai/v1/embeddings', router9: '/v1/embeddings' }
const GEMINI: Paths = { provider: PATHS.gemini.whole, router9: '/v1beta/models/gemini-2.5-flash:generateContent' }
const GEMINI_STREAM: Paths = {
  provider: PATHS.gemini.stream,
  router9: '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
}
/** The same client at a model of OpenAI's. */
const GEMINI_OTHER: Paths = {
  ...GEMINI_STREAM,
  router9: GEMINI_STREAM.router9.replace('gemini-2.5-flash', MODELS.openai),
}

/** Times the best peer's CPU, at most. */
const WHOLE = 0.9
const TRANSLATED = 1
const LARGE = 1

const BURST: Pace = { events: 100 }
const TEN: Pace = { events: 1000, eventsPerWrite: 10 }

/** All that `npm run bench` measures with requests. */
export const SCENARIOS: readonly Scenario[] = [
  whole('json-1', 'openai', 1, ask(MODELS.openai), [overPeer('json-1', WHOLE)]),
  {
    ...whole('json-32', 'openai', 32, ask(MODELS.openai), [
      overLimit('stream: false, OpenAI upstream, 32 concurrent, over passthrough', 2, 1.5),
      overPeer('json-32', WHOLE),
    ]),
    quick: true,
  },
  whole('json-128', 'openai', 128, ask(MODELS.openai), [overPeer('json-128', WHOLE)]),
  ...[32, 128].map((concurrency): Scenario => {
    const name = `tail-${concurrency}`
    const scenario = whole(name, 'openai', concurrency, ask(MODELS.openai), [overPeer(`${name}, p99`, 1, 'p99Ms')])
    // In each second an isolate reports health and usage and renews its lease.
    return { ...scenario, leastMs: 3000 }
  }),
  ...WIRES.slice(1).map((wire): Scenario => {
    const goal = overLimit(`stream: false, translated (${wire}), over passthrough`, 2.2, 1.7)
    const scenario = whole(`json-${wire}`, wire, 32, ask(MODELS[wire]), [goal, overPeer(`json-${wire}`, TRANSLATED)])
    return wire === 'anthropic' ? { ...scenario, quick: true } : scenario
  }),
  whole('json-20-messages', 'openai', 32, ask(MODELS.openai, conversation(20)), [overPeer('json-20-messages', WHOLE)]),
  whole('json-200-kb', 'openai', 8, ask(MODELS.openai, longText(200_000)), [
    overLimit('stream: false, 200 KB, over passthrough', 1.5, 1.2),
    overPeer('json-200-kb', LARGE),
  ]),
  whole('json-5-mb-image', 'openai', 2, ask(MODELS.openai, picture(5_000_000)), [
    overLimit('stream: false, 5 MB, over passthrough', 1.6, 1.2),
    overPeer('json-5-mb-image', LARGE),
  ]),
  whole('json-auto', 'anthropic', 32, ask('auto'), [overPeer('json-auto', TRANSLATED)]),
  withoutPeers(whole('json-failing-first', 'openai', 32, ask('xai/grok-4.3', undefined, { models: [MODELS.openai] }))),
  ...WIRES.map((wire): Scenario => {
    const scenario = stream(`stream-${wire}`, wire, 16, BURST, [
      overCopy(`streaming, ${wire}, burst, over a copy loop`),
    ])
    return wire === 'openai' || wire === 'anthropic' ? { ...scenario, quick: true } : scenario
  }),
  {
    ...stream(
      'stream-ten',
      'openai',
      8,
      TEN,
      [
        {
          name: 'streaming, ten events per write, over passthrough at one',
          unit: '×',
          must: 1,
          aim: 0.5,
          of: 'router9',
          to: 'passthrough',
          reading: 'cpuPerEventUs',
          how: 'ratio',
        },
      ],
      BURST,
    ),
    quick: true,
  },
  stream('stream-paced-2-ms', 'openai', 8, { events: 100, pauseMs: 2 }, [
    overCopy('streaming, openai, paced at 2 ms, over a copy loop'),
  ]),
  stream('stream-paced-2-ms-anthropic', 'anthropic', 8, { events: 100, pauseMs: 2 }, [
    overCopy('streaming, anthropic, paced at 2 ms, over a copy loop'),
  ]),
  stream('stream-paced-20-ms', 'openai', 64, { events: 25, pauseMs: 20 }, [
    overCopy('streaming, openai, paced at 20 ms, over a copy loop'),
  ]),
  stream('stream-first-chunk', 'openai', 1, { events: 5, pauseMs: 2 }, [
    {
      name: 'first chunk, over passthrough',
      unit: 'ms',
      must: 0.5,
      aim: 0.2,
      of: 'router9',
      to: 'passthrough',
      reading: 'firstChunkMs',
      how: 'difference',
    },
  ]),
  stream('stream-1000-events', 'openai', 4, { events: 1000, eventsPerWrite: 10, pauseMs: 2 }, [
    {
      name: '1,000-event stream in bursts of 10, CPU',
      unit: 'ms',
      must: 10,
      aim: 7,
      of: 'router9',
      reading: 'cpuPerRequestMs',
      how: 'itself',
    },
  ]),
  ofApi('embeddings-1', 32, EMBEDDINGS, askVectors(1, 'base64')),
  ofApi('embeddings-100', 8, EMBEDDINGS, askVectors(100, 'base64')),
  ofApi('embeddings-100-floats', 4, EMBEDDINGS, askVectors(100, 'float')),
  ofApi('gemini-api-json', 32, GEMINI, askGemini(BURST)),
  ofApi('gemini-api-stream', 16, GEMINI_STREAM, askGemini(BURST), BURST.events),
  ofApi('gemini-api-stream-openai', 16, GEMINI_OTHER, askGemini(BURST), BURST.events),
]

/** A stream as a quick model writes it. */
const QUICK: Pace = { events: 20, pauseMs: 2 }

/** What is measured end to end. */
export const END_TO_END: readonly (Scenario & { readonly title: string; readonly isStreamed: boolean })[] = [
  { ...whole('whole', 'openai', 1, ask(MODELS.openai)), title: 'Whole answers', isStreamed: false },
  {
    ...stream('stream', 'openai', 1, QUICK, []),
    title: `Streams of ${QUICK.events} events, one every ${QUICK.pauseMs} ms`,
    isStreamed: true,
  },
]
