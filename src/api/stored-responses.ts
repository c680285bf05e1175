import { Failure, quoted } from '../chat/failure.ts'
import { deleteAnswer, findAnswer, type KeptAnswers } from '../gateway/conversation.ts'

/** A request about one answer that is kept. */
export interface StoredRequest {
  readonly answers: KeptAnswers
  readonly id: string
  /** The values of a parameter in the address, in their order. */
  readonly query: (name: string) => readonly string[]
}

type Item = Readonly<Record<string, unknown>>

const MAX_LIMIT = 100
const DEFAULT_LIMIT = 20

/** `GET /v1/responses/{id}`. @throws Failure 404, 400, 503 */
export async function describeStored(request: StoredRequest): Promise<object> {
  const { answers, id, query } = request
  const isStream = query('stream').includes('true')
  if (isStream || query('starting_after').length > 0) {
    const param = isStream ? 'stream' : 'starting_after'
    const text = `'${param}' is for background responses, which Router9 does not have. Leave it out to get the response whole.`
    throw new Failure('unsupported-parameter', text, { param })
  }
  const { response } = await findAnswer(answers, id, ['output', 'response'])
  return { ...response, output: shown(response.output as readonly Item[], request) }
}

/** `DELETE /v1/responses/{id}`. @throws Failure 404, 503 */
export async function deleteStored({ answers, id }: StoredRequest): Promise<object> {
  await deleteAnswer(answers, id)
  return { id, object: 'response', deleted: true }
}

/** `GET /v1/responses/{id}/input_items`: what the response answered, all that came before it included. @throws Failure 404, 400, 503 */
export async function listInputItems(request: StoredRequest): Promise<object> {
  const { answers, id, query } = request
  const [after] = query('after')
  const limit = readLimit(query('limit'))
  const order = query('order')[0] ?? 'desc'
  if (order !== 'asc' && order !== 'desc') {
    throw new Failure('invalid-value', "'order' must be 'asc' or 'desc'.", { param: 'order' })
  }
  const { input } = await findAnswer(answers, id, ['input', 'output', 'response'])
  const all = order === 'asc' ? input : input.toReversed()
  const at = after === undefined ? 0 : all.findIndex((item) => item.id === after) + 1
  if (after !== undefined && at === 0) {
    throw new Failure('not-found', `Item with id '${quoted(after)}' not found.`, { param: 'after' })
  }
  const data = shown(all.slice(at, at + limit), request)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: all.length > at + limit,
  }
}

/** `POST /v1/responses/{id}/cancel`: only background responses can be cancelled. @throws Failure 404, 400, 503 */
export async function cancelStored({ answers, id }: StoredRequest): Promise<never> {
  await findAnswer(answers, id, [])
  throw new Failure('rejected', 'Cannot cancel a synchronous response.')
}

function readLimit([text = String(DEFAULT_LIMIT)]: readonly string[]): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new Failure('invalid-value', `'limit' must be a whole number from 1 to ${MAX_LIMIT}.`, { param: 'limit' })
}

/** Items as they are told: what is encrypted in them only to clients that ask for it. */
function shown(items: readonly Item[], { query }: StoredRequest): readonly Item[] {
  const included = [...query('include'), ...query('include[]')]
  if (included.includes('reasoning.encrypted_content')) return items
  return items.map((item) => {
    if (item.type !== 'reasoning' || item.encrypted_content === undefined) return item
    const { encrypted_content: _, ...others } = item
    return others
  })
}
