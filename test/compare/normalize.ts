import type { UpstreamRequest } from './exchange.ts'
import type { Doing } from './side.ts'

/** One thing that both sides did, under a name that says what it is. */
export type Part = readonly [name: string, text: string]

/** Headers whose value is a time or a number of this run. */
const DROPPED: ReadonlySet<string> = new Set(['date', 'server-timing'])
const DAY_SECONDS = 86_400

/** A writer of texts in which what may differ between two runs has a fixed form; the same id always becomes the same word. */
export function createNormalizer(ports: readonly string[]): (text: string) => string {
  const ids = new Map<string, string>()
  const own = new RegExp(`(127\\.0\\.0\\.1|localhost):(${ports.join('|')})(?!\\d)`, 'g')
  const word = (id: string, kind: string) => {
    const known = ids.get(id)
    if (known !== undefined) return known
    const fresh = `${kind}#${ids.size + 1}`
    ids.set(id, fresh)
    return fresh
  }
  return (text) =>
    text
      .replace(own, (_, host, port) => `${host}:port-${ports.indexOf(port)}`)
      .replace(/\b(req_|chatcmpl-|call_)[A-Za-z0-9]{24,}\b/g, (id, kind) => word(id, kind))
      .replace(/("created": ?)(\d{10})\b/g, (all, name, seconds) => (isNow(Number(seconds)) ? `${name}now` : all))
}

function isNow(seconds: number): boolean {
  return Math.abs(seconds - Date.now() / 1000) < DAY_SECONDS
}

/** What a side did with a request, as parts to be compared; what it logged is looked at later. */
export function partsOf({ answer, sent }: Doing, normalize: (text: string) => string): Part[] {
  // The waits that a key's own limits ask for end with the minute.
  const isLimited = answer.headers.some(([name]) => name.startsWith('x-ratelimit-limit-'))
  const ofTheMinute = isLimited ? /^(x-ratelimit-reset-|retry-after)/ : /^x-ratelimit-reset-/
  const headers = answer.headers.map(([name, value]) => [name, ofTheMinute.test(name) ? '…' : value] as const)
  return [
    ['status', String(answer.status)],
    ...headerParts('header', headers),
    ['body', answer.body],
    ['ending', answer.ending],
    ['upstream requests', String(sent.length)],
    ...sent.flatMap((request) => upstreamParts('upstream', request)),
    // Otherwise the answer may have its end just now.
    ...(answer.ending === 'left' ? sent.map(({ isLeft }) => ['upstream answer left', String(isLeft)]) : []),
  ].map(([name = '', text = '']) => [name, normalize(text)])
}

function upstreamParts(name: string, { method, path, headers, body }: UpstreamRequest): Part[] {
  return [[`${name} line`, `${method} ${path}`], ...headerParts(`${name} header`, headers), [`${name} body`, body]]
}

function headerParts(name: string, headers: UpstreamRequest['headers']): Part[] {
  return headers
    .filter(([header]) => !DROPPED.has(header))
    .map(([header, value]) => [`${name} ${header}`, header === 'x-router9-attempts' ? withoutTimes(value) : value])
}

function withoutTimes(attempts: string): string {
  return attempts.replace(/:\d+ms(?=,|$)/g, ':…ms')
}

/** A line of a log without its times; of a stack only the first line, since the rest names places in a bundle. */
export function normalizeLogLine(line: string): string {
  return line.replace(/"((?:\w+_)?ms)":\d+/g, '"$1":…').replace(/\\n {4}at .*?(?=")/g, '')
}
