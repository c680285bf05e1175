import { toText } from '../shared/fields.ts'

/**
 * The calls of a conversation by their ids in a chat. Results name a call by its id, or by nothing but the function. Google asks
 * for neither, and RubyLLM has ids of its own in the place of the function's name: then they follow the order of the calls.
 */
export interface OpenCalls {
  /** A turn begins to call: results are those of its calls. */
  readonly beginTurn: () => void
  /**
   * Google's calls often have no id. Each gets one, the same in every turn, so that prompts stay in a provider's cache.
   * @returns the id in the chat, which no other call has.
   */
  readonly add: (name: string, id: string | undefined) => string
  /** @returns the id in the chat of the call that a result belongs to. */
  readonly answer: (name: string, id: string | undefined) => string
}

interface OpenCall {
  readonly id: string
  isAnswered: boolean
}

/** Those of one name, or all of a turn. */
interface InOrder {
  readonly calls: OpenCall[]
  next: number
}

export function createOpenCalls(): OpenCalls {
  const taken = new Set<string>()
  const byId = new Map<string, OpenCall>()
  const byName = new Map<string, InOrder>()
  let all: InOrder = { calls: [], next: 0 }
  let made = 0
  const freshId = () => {
    let id: string
    do id = `call_${made++}`
    while (taken.has(id))
    return id
  }
  return {
    beginTurn: () => {
      byId.clear()
      byName.clear()
      all = { calls: [], next: 0 }
    },
    add: (name, given) => {
      const id = given === undefined || taken.has(given) ? freshId() : given
      taken.add(id)
      const open = { id, isAnswered: false }
      if (given !== undefined) byId.set(given, open)
      all.calls.push(open)
      const sameName = byName.get(name)
      if (sameName === undefined) byName.set(name, { calls: [open], next: 0 })
      else sameName.calls.push(open)
      return id
    },
    answer: (name, given) => {
      const sameId = byId.get(given ?? name)
      const meant = given === undefined && !byName.has(name) ? all : byName.get(name)
      const open = sameId?.isAnswered === false ? sameId : nextOf(meant)
      if (open === undefined) return sameId?.id ?? given ?? freshId()
      open.isAnswered = true
      return open.id
    },
  }
}

function nextOf(list: InOrder | undefined): OpenCall | undefined {
  if (list === undefined) return undefined
  while (list.calls[list.next]?.isAnswered) list.next += 1
  return list.calls[list.next]
}

/** An id as its provider gave it: gemini-cli puts the name before it (`geminiChat.ts`). */
export function ownId(name: string, id: string | null | undefined): string | undefined {
  const prefix = `${name}__`
  return toText(id?.startsWith(prefix) ? id.slice(prefix.length) : id)
}
