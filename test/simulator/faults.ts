import { VECTOR_FAULTS, type VectorFault } from './embeddings-vectors.ts'
import { type Fields, fieldsOf } from './json.ts'

/** How a provider is to misbehave. All keys combine where that makes sense. */
export interface Fault {
  /** Only for the next so many requests. */
  times?: number
  /** How likely a request meets the fault, 0..1. */
  probability?: number
  latencyMs?: number
  tokenDelayMs?: number
  status?: number
  /** What an error of `status` holds: `native`, `html`, `empty`, `text`, or the literal body. */
  body?: string
  /** A cause that shares its status with others, in the provider's own words. */
  reason?: 'quota' | 'context' | 'key'
  message?: string
  retryAfter?: number | string
  refuse?: boolean
  redirect?: boolean
  emptyOk?: boolean
  okJsonError?: boolean
  okHtml?: boolean
  errorFirst?: boolean
  roleThenError?: boolean
  hangBeforeHeaders?: boolean
  hangAfterHeaders?: boolean
  /** Counts of content events, after which something happens. */
  stallAfter?: number
  cut?: number
  reset?: number
  errorAfter?: number
  garbageAfter?: number
  noFinish?: boolean
  noUsage?: boolean
  /** How the vectors of embeddings are wrong. */
  vectors?: VectorFault
  giantEvent?: number
  neverClose?: boolean
  neverCloseNoDone?: boolean
  splitBytes?: number
  lineEnding?: 'lf' | 'crlf' | 'cr'
  comments?: boolean
  tokensPerEvent?: number
  eventsPerWrite?: number
  pieces?: { tokensPerEvent?: number; eventsPerWrite?: number }
}

type Kind = 'number' | 'boolean' | 'string' | 'number or string' | 'object'

const KEYS: Record<keyof Fault, Kind> = {
  times: 'number',
  probability: 'number',
  latencyMs: 'number',
  tokenDelayMs: 'number',
  status: 'number',
  body: 'string',
  reason: 'string',
  message: 'string',
  retryAfter: 'number or string',
  refuse: 'boolean',
  redirect: 'boolean',
  emptyOk: 'boolean',
  okJsonError: 'boolean',
  okHtml: 'boolean',
  errorFirst: 'boolean',
  roleThenError: 'boolean',
  hangBeforeHeaders: 'boolean',
  hangAfterHeaders: 'boolean',
  stallAfter: 'number',
  cut: 'number',
  reset: 'number',
  errorAfter: 'number',
  garbageAfter: 'number',
  noFinish: 'boolean',
  noUsage: 'boolean',
  vectors: 'string',
  giantEvent: 'number',
  neverClose: 'boolean',
  neverCloseNoDone: 'boolean',
  splitBytes: 'number',
  lineEnding: 'string',
  comments: 'boolean',
  tokensPerEvent: 'number',
  eventsPerWrite: 'number',
  pieces: 'object',
}

const CHOICES: Partial<Record<keyof Fault, readonly string[]>> = {
  reason: ['quota', 'context', 'key'],
  lineEnding: ['lf', 'crlf', 'cr'],
  vectors: VECTOR_FAULTS,
}

/** The fault that a JSON value describes, or what is wrong with it. */
export function readFault(value: unknown): { fault: Fault } | { problem: string } {
  const fields = fieldsOf(value)
  if (fields === undefined) return { problem: 'a fault is a JSON object' }
  for (const [key, given] of Object.entries(fields)) {
    const kind = KEYS[key as keyof Fault]
    if (kind === undefined) return { problem: `unknown fault key ${key}; known are ${Object.keys(KEYS).join(', ')}` }
    if (!kind.split(' or ').includes(typeof given)) return { problem: `${key} must be a ${kind}` }
    const choices = CHOICES[key as keyof Fault]
    if (choices !== undefined && !choices.includes(String(given)))
      return { problem: `${key} is one of ${choices.join(', ')}` }
  }
  return { fault: fields as Fault }
}

/** The faults that the orders of an instruction ask for; what is no fault is skipped. */
export function faultOfOrders(orders: Iterable<readonly [key: string, value: string]>): Fault {
  const wanted: Fields = {}
  for (const [key, value] of orders) Object.assign(wanted, readOrder(key, value))
  const read = readFault(wanted)
  return 'fault' in read ? read.fault : {}
}

// Keys may be written in any case and without their unit.
function readOrder(name: string, value: string): Fields {
  const lower = name.toLowerCase()
  const key = Object.keys(KEYS).find((known) => [lower, `${lower}ms`].includes(known.toLowerCase()))
  if (key === undefined) return {}
  const kind = KEYS[key as keyof Fault]
  if (kind === 'boolean') return { [key]: value !== 'false' }
  if (kind === 'string') return { [key]: value }
  return { [key]: value !== '' && Number.isFinite(Number(value)) ? Number(value) : value }
}

/** The faults in force, by slot; `*` stands for every slot without one of its own. */
export interface Faults {
  set(slot: string, fault: Fault | null): void
  clear(): void
  /** The fault that this request meets. */
  take(slot: string): Fault
}

/** An empty board of faults; chance decides on probabilities. */
export function createFaults(chance: () => number): Faults {
  const board = new Map<string, Fault>()
  return {
    set(slot, fault) {
      if (fault === null) board.delete(slot)
      else board.set(slot, { ...fault })
    },
    clear: () => board.clear(),
    take(slot) {
      const holder = board.has(slot) ? slot : '*'
      const fault = board.get(holder)
      if (fault === undefined) return {}
      if (fault.probability !== undefined && chance() >= fault.probability) return {}
      if (fault.times !== undefined) {
        fault.times -= 1
        if (fault.times < 0) return {}
        if (fault.times === 0) board.delete(holder)
      }
      return fault
    },
  }
}
