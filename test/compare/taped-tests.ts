import type { CompareRequest } from './request.ts'
import type { Source } from './source.ts'
import { readTape, type TapedRequest, type TapedWorker } from './tape.ts'
import { taped } from './tape-upstream.ts'

/** Of a test that asks the same in a thousand ways. */
const MAX_PER_WORKER = 1500

/** All that the tests asked their Workers, one source for all Workers with the same settings. */
export function tapedTests(folder: string): Source[] {
  const groups = new Map<string, TapedWorker[]>()
  for (const worker of readTape(folder)) {
    const { vars, requests } = worker
    // With health on, an answer depends on what came before it and when.
    if (requests.length === 0 || vars.HEALTH !== 'off') continue
    const key = JSON.stringify(Object.entries(withPlaceholder(worker, requests)).sort())
    groups.set(key, [...(groups.get(key) ?? []), worker])
  }
  return [...groups.values()].map((workers, at) => sourceOf(workers, `tests ${at + 1}`))
}

function sourceOf(workers: readonly TapedWorker[], name: string): Source {
  const [first] = workers
  const requests = workers.flatMap((worker) => thinned(worker.requests))
  const settings = first === undefined ? {} : withPlaceholder(first, first.requests)
  return {
    name,
    setting: {
      upstream: taped,
      vars: (url) =>
        Object.fromEntries(Object.entries(settings).map(([setting, value]) => [setting, value.replace(UPSTREAM, url)])),
      onlyVars: true,
      keys: Object.assign({}, ...workers.map(({ keys }) => keys)),
    },
    requests: requests.map((request, at) => requestOf(request, at)),
  }
}

const UPSTREAM = 'http://upstream'

/** The settings with one name for the address of the providers. */
function withPlaceholder({ vars }: TapedWorker, requests: readonly TapedRequest[]): Record<string, string> {
  // Where nothing was answered, nobody was to listen.
  const isAnswered = requests.some(({ answers }) => answers.length > 0)
  const counts = new Map<string, number>()
  for (const [, origin = ''] of Object.values(vars).flatMap((value) => [
    ...value.matchAll(/(http:\/\/127\.0\.0\.1:\d+)/g),
  ])) {
    counts.set(origin, (counts.get(origin) ?? 0) + 1)
  }
  const [usual] = [...counts].sort(([, a], [, b]) => b - a)
  return Object.fromEntries(
    Object.entries(vars).map(([setting, value]) => [
      setting,
      value.replace(/http:\/\/127\.0\.0\.1:\d+/, (origin) =>
        isAnswered && origin === usual?.[0] ? UPSTREAM : 'http://127.0.0.1:9',
      ),
    ]),
  )
}

function thinned(requests: readonly TapedRequest[]): TapedRequest[] {
  const step = Math.ceil(requests.length / MAX_PER_WORKER)
  return requests.filter((_, at) => at % step === 0)
}

/** Headers that the connection makes. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])

function requestOf({ method, path, headers, body, answers }: TapedRequest, at: number): CompareRequest {
  const bytes = Buffer.from(body, 'base64')
  return {
    name: `${at}.`,
    method,
    path,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name))),
    ...(bytes.length === 0 && method !== 'POST' ? {} : { body: bytes }),
    chunked: headers['transfer-encoding'] !== undefined,
    answers,
  }
}
