import { type Fault, faultOfOrders } from './faults.ts'
import { type Fields, fieldsOf, parseJson } from './json.ts'

const OPENING = /\s?\[\[sim\s+([^\s\]]+)/g
const CLOSING = ']]'
const MOST_ROUNDS = 1000

/** A call that an instruction asks for: a JSON object for a function, bare text for a custom tool. */
export interface ScriptedCall {
  name: string
  input: Fields | string
}

/** What an instruction has a conversation do, round by round. */
export interface Script {
  /** The calls of each round; those of one round come in one answer. */
  rounds: ScriptedCall[][]
  /** The text after the last round; without it the last results are quoted. */
  say?: string
  /** Whether the reasoning of every call must come back. */
  insists?: boolean
  /** Why the instruction cannot be read. */
  problem?: string
}

/** What the instructions in a text ask of one slot. */
export interface Orders {
  fault: Fault
  script: Script | undefined
  /** The text without its instructions. */
  text: string
}

interface Order {
  key: string
  value: string
  /** What a call gets. */
  input?: Fields | string
  /** Whether it belongs to the round before it. */
  joined: boolean
  problem?: string
}

/** Reads each `[[sim slot order order]]` in a text; those of other slots are taken out of the text and count for nothing. */
export function readOrders(text: string, slot: string): Orders {
  const mine: Order[] = []
  let rest = ''
  let from = 0
  OPENING.lastIndex = 0
  for (let match = OPENING.exec(text); match !== null; match = OPENING.exec(text)) {
    const found = ordersAt(text, OPENING.lastIndex)
    if (found === undefined) continue
    rest += text.slice(from, match.index)
    from = found.end
    OPENING.lastIndex = found.end
    if ((match[1] ?? '').split(',').some((name) => name === '*' || name === slot)) mine.push(...found.orders)
  }
  const faults = mine.map(({ key, value }) => [key, value] as const)
  return { fault: faultOfOrders(faults), script: scriptOf(mine), text: rest + text.slice(from) }
}

function scriptOf(orders: readonly Order[]): Script | undefined {
  const script: Script = { rounds: [] }
  let isScript = false
  for (const { key, value, input, joined, problem } of orders) {
    const last = script.rounds.at(-1)
    if (problem !== undefined) script.problem ??= problem
    if (key === 'call') {
      const call = { name: value, input: input ?? {} }
      if (joined && last !== undefined) last.push(call)
      else script.rounds.push([call])
    } else if (key === 'repeat') {
      const times = Math.min(Number(value) || 1, MOST_ROUNDS)
      if (last === undefined) script.problem ??= 'repeat needs a call before it'
      else for (let made = 1; made < times; made += 1) script.rounds.push(last)
    } else if (key === 'say') script.say = value
    else if (key === 'insist') script.insists = value !== 'false'
    else continue
    isScript = true
  }
  return isScript ? script : undefined
}

// JSON may hold the closing brackets too, so an instruction is read order by order.
function ordersAt(text: string, start: number): { orders: Order[]; end: number } | undefined {
  const orders: Order[] = []
  let at = start
  let joined = false
  for (;;) {
    at = skipSpace(text, at)
    if (at >= text.length) return undefined
    if (text.startsWith(CLOSING, at)) return { orders, end: at + CLOSING.length }
    if (text[at] === '&') {
      joined = true
      at += 1
      continue
    }
    const { order, end } = orderAt(text, at)
    orders.push({ ...order, joined })
    joined = false
    at = end
  }
}

function orderAt(text: string, start: number): { order: Omit<Order, 'joined'>; end: number } {
  const keyEnd = wordEnd(text, start, /[\s=]/)
  const key = text.slice(start, keyEnd).toLowerCase()
  if (text[keyEnd] !== '=') return { order: { key, value: '' }, end: keyEnd }
  if (key === 'call') return callAt(text, keyEnd + 1)
  if (text[keyEnd + 1] === '"') {
    const end = jsonEnd(text, keyEnd + 1)
    const value = parseJson(text.slice(keyEnd + 1, end))
    if (end !== undefined && typeof value === 'string') return { order: { key, value }, end }
  }
  const end = wordEnd(text, keyEnd + 1, /\s/)
  return { order: { key, value: text.slice(keyEnd + 1, end) }, end }
}

function callAt(text: string, start: number): { order: Omit<Order, 'joined'>; end: number } {
  const nameEnd = wordEnd(text, start, /[\s{"&]/)
  const value = text.slice(start, nameEnd)
  const inputStart = skipSpace(text, nameEnd)
  if (text[inputStart] !== '{' && text[inputStart] !== '"') return { order: { key: 'call', value }, end: nameEnd }
  const whole = jsonEnd(text, inputStart)
  const closing = text.indexOf(CLOSING, inputStart)
  const end = whole ?? (closing < 0 ? text.length : closing)
  const json = text.slice(inputStart, end)
  const parsed = parseJson(json)
  const input = typeof parsed === 'string' ? parsed : fieldsOf(parsed)
  if (input !== undefined) return { order: { key: 'call', value, input }, end }
  return { order: { key: 'call', value, problem: `the arguments of ${value} are no JSON: ${json.slice(0, 200)}` }, end }
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charAt(at).trim() === '') at += 1
  return at
}

function wordEnd(text: string, start: number, stop: RegExp): number {
  let at = start
  while (at < text.length && !stop.test(text.charAt(at)) && !text.startsWith(CLOSING, at)) at += 1
  return at
}

// Where the JSON object or string ends that begins here, if it does.
function jsonEnd(text: string, start: number): number | undefined {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at += 1) {
    const character = text[at]
    if (quoted) {
      if (character === '\\') at += 1
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    if (!quoted && depth === 0) return at + 1
  }
  return undefined
}
