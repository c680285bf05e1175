/** An error object of a body or of the last chunk of a broken stream. */
export interface SeenError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** A chunk, as far as these tests look at it. */
export interface SeenChunk {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly delta: { readonly role?: string; readonly content?: string; readonly reasoning_content?: string }
    readonly finish_reason: string | null
  }[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number }
  readonly error?: SeenError
}

/** A Router9 stream as a client saw it, in order. */
export interface SeenStream {
  readonly chunks: readonly SeenChunk[]
  readonly comments: number
  /** All content, joined. */
  readonly text: string
  readonly done: boolean
  readonly error: SeenError | undefined
  /** What stands against contract 4, one sentence each. */
  readonly faults: readonly string[]
}

const COMMENT = ': router9'

/** Reads a whole stream as strictly as contract 4 is written. */
export function readStream(body: string): SeenStream {
  const faults: string[] = []
  const chunks: SeenChunk[] = []
  let comments = 0
  let done = false
  if (body !== '' && !body.endsWith('\n\n')) faults.push('the last event has no blank line')
  for (const event of body.split('\n\n').slice(0, -1)) {
    if (done) faults.push(`something comes after [DONE]: ${event.slice(0, 80)}`)
    if (event === COMMENT) comments++
    else if (event === 'data: [DONE]') done = true
    else if (!event.startsWith('data: ')) faults.push(`neither data nor our comment: ${event.slice(0, 80)}`)
    else chunks.push(JSON.parse(event.slice('data: '.length)) as SeenChunk)
  }
  const error = chunks.find((chunk) => chunk.error !== undefined)?.error
  faults.push(...faultsOfChunks(chunks))
  faults.push(...(error === undefined ? faultsOfWhole(chunks, done) : faultsOfBroken(chunks, done)))
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
  return { chunks, comments, text, done, error, faults }
}

function faultsOfChunks(chunks: readonly SeenChunk[]): string[] {
  const faults: string[] = []
  const envelopes = new Set(chunks.map(({ id, created, model, object }) => `${id} ${created} ${model} ${object}`))
  if (envelopes.size !== 1) faults.push(`the chunks do not share one envelope: ${[...envelopes].join(', ')}`)
  const roles = chunks.map(({ choices }) => choices[0]?.delta.role)
  const spoken = chunks.filter(({ error }) => error === undefined)
  if (spoken.length > 0 && roles[0] !== 'assistant') faults.push('the first chunk has no role')
  if (roles.slice(1).some((role) => role !== undefined)) faults.push('a later chunk has a role')
  return faults
}

function faultsOfWhole(chunks: readonly SeenChunk[], done: boolean): string[] {
  const faults: string[] = []
  const last = chunks.at(-1)
  if (!done) faults.push('it ends without [DONE] and without an error')
  if (last?.choices[0]?.finish_reason !== 'stop') faults.push('the final chunk has no finish_reason "stop"')
  if (last?.usage === undefined) faults.push('the final chunk has no usage')
  if (chunks.slice(0, -1).some(({ choices }) => choices[0]?.finish_reason !== null)) faults.push('it finishes early')
  return faults
}

function faultsOfBroken(chunks: readonly SeenChunk[], done: boolean): string[] {
  const faults: string[] = []
  const broken = chunks.filter(({ error }) => error !== undefined)
  if (done) faults.push('a broken stream has [DONE]')
  if (broken.length !== 1) faults.push(`it has ${broken.length} error chunks`)
  if (chunks.at(-1)?.error === undefined) faults.push('something comes after the error chunk')
  const finishes = broken.flatMap(({ choices }) => choices.map(({ finish_reason, delta }) => [finish_reason, delta]))
  if (JSON.stringify(finishes) !== '[["error",{}]]') faults.push(`it breaks with ${JSON.stringify(finishes)}`)
  if (broken[0]?.usage !== undefined) faults.push('the error chunk has usage, as if the answer were complete')
  faults.push(...faultsOfError(broken[0]?.error))
  return faults
}

/** What stands against contract 5 in an error object. */
export function faultsOfError(error: SeenError | undefined): string[] {
  if (error === undefined) return ['there is no error object']
  const faults: string[] = []
  const members = Object.keys(error).sort().join(' ')
  if (members !== 'code message param type') faults.push(`the error's members are ${members}`)
  if (typeof error.message !== 'string' || error.message === '') faults.push('the error has no message')
  for (const value of [error.param, error.code]) {
    if (value !== null && typeof value !== 'string') faults.push(`neither string nor null: ${String(value)}`)
  }
  const secret = /127\.0\.0\.1|localhost|https?:|test-key|sk-r9k|\.ts:\d|\bat \w+ \(/.exec(JSON.stringify(error))
  if (secret !== null) faults.push(`the error tells ${secret[0]}`)
  return faults
}
