import { toText } from '../shared/fields.ts'

/** The calls of a conversation by their ids in a chat. Results name a call by its id, or by nothing but the function. */
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

interface SameName {
  readonly calls: OpenCall[]
  next: number
}

export function createOpenCalls(): OpenCalls {
  const taken = new Set<string>()
  const byId = new Map<string, OpenCall>()
  const byName = new Map<string, SameName>()
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
    },
    add: (name, given) => {
      const id = given === undefined || taken.has(given) ? freshId() : given
      taken.add(id)
      const open = { id, isAnswered: false }
      if (given !== undefined) byId.set(given, open)
      const sameName = byName.get(name)
      if (sameName === undefined) byName.set(name, { calls: [open], next: 0 })
      else sameName.calls.push(open)
      return id
    },
    answer: (name, given) => {
      const sameId = given === undefined ? undefined : byId.get(given)
      const open = sameId?.isAnswered === false ? sameId : nextOf(byName.get(name))
      if (open === undefined) return sameId?.id ?? given ?? freshId()
      open.isAnswered = true
      return open.id
    },
  }
}

function nextOf(sameName: SameName | undefined): OpenCall | undefined {
  if (sameName === undefined) return undefined
  while (sameName.calls[sameName.next]?.isAnswered) sameName.next += 1
  return sameName.calls[sameName.next]
}

/** An id as its provider gave it: gemini-cli puts the name before it (`geminiChat.ts`). */
export function ownId(name: string, id: string | null | undefined): string | undefined {
  const prefix = `${name}__`
  return toText(id?.startsWith(prefix) ? id.slice(prefix.length) : id)
}
