/** A JSON object as a client sees it. */
export type Json = Record<string, unknown>

/** What a client holds after reading a whole stream. */
export interface Folded {
  readonly choices: readonly Json[]
  readonly usage: unknown
  /** Fields of the chunks beside the envelope. */
  readonly body: Json
}

/** The chunks of a stream as objects; what is not an event of one line and valid JSON throws. */
export function chunksOf(text: string): { chunks: Json[]; done: boolean } {
  const events = text.split('\n\n')
  if (events.pop() !== '') throw new Error('the last event has no blank line')
  const done = events.at(-1) === 'data: [DONE]'
  if (done) events.pop()
  const chunks = events.map((event) => {
    if (!event.startsWith('data: ') || /[\r\n]/.test(event)) throw new Error(`not one data line: ${event}`)
    return JSON.parse(event.slice(6)) as Json
  })
  return { chunks, done }
}

/** Adds chunks up as client libraries do: texts and lists grow, tool calls are found by their index. */
export function fold(chunks: readonly Json[]): Folded {
  const choices = new Map<number, { message: Json; rest: Json; finish: unknown }>()
  let body: Json = {}
  let usage: unknown = null
  for (const chunk of chunks) {
    const { id, object, created, model, choices: list, usage: used, ...further } = chunk
    // A body's fields come whole each time.
    body = { ...body, ...further }
    usage = used ?? usage
    for (const given of list as Json[]) {
      const { index, delta, finish_reason, ...rest } = given
      const choice = choices.get(index as number) ?? { message: {}, rest: {}, finish: null }
      choices.set(index as number, choice)
      choice.finish = finish_reason ?? choice.finish
      choice.rest = grow(choice.rest, rest)
      choice.message = growMessage(choice.message, delta as Json)
    }
  }
  const sorted = [...choices].sort(([a], [b]) => a - b)
  return {
    body,
    usage,
    choices: sorted.map(([index, { message, rest, finish }]) => ({ index, message, finish_reason: finish, ...rest })),
  }
}

function growMessage(message: Json, { content, reasoning_content, refusal, tool_calls, function_call, ...rest }: Json) {
  const grown = grow(message, rest)
  for (const [name, piece] of Object.entries({ content, reasoning_content, refusal })) {
    if (typeof piece === 'string') grown[name] = `${(grown[name] as string | undefined) ?? ''}${piece}`
  }
  if (function_call !== undefined) grown.function_call = growCall(grown.function_call, function_call)
  for (const call of (tool_calls as Json[] | undefined) ?? []) {
    const { index, ...piece } = call
    const calls = [...((grown.tool_calls as Json[] | undefined) ?? [])]
    calls[index as number] = growCall(calls[index as number], piece)
    grown.tool_calls = calls
  }
  return grown
}

/** Within a tool call every text grows but those that come once. */
function growCall(before: unknown, piece: unknown): Json {
  const grown: Json = { ...(before as Json | undefined) }
  for (const [name, value] of Object.entries(piece as Json)) {
    const held = grown[name]
    if (name === 'function' || name === 'custom') grown[name] = growCall(held, value)
    else grown[name] = typeof held === 'string' ? `${held}${value}` : value
  }
  return grown
}

function grow(before: Json, piece: Json): Json {
  const grown = { ...before }
  for (const [name, value] of Object.entries(piece)) {
    const held = Object.hasOwn(grown, name) ? grown[name] : undefined
    if (Array.isArray(held) && Array.isArray(value)) grown[name] = [...held, ...value]
    else if (isJson(held) && isJson(value)) grown[name] = grow(held, value)
    else grown[name] = value
  }
  return grown
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
