import { parseJson } from '../../chat/exact-json.ts'
import { Failure } from '../../chat/failure.ts'
import type { AnswerReferences } from '../format.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** Each costs a look-up. The longest loop of tools has a few hundred items. */
const MAX_REFERENCES = 2000
/** No id of ours or OpenAI's is longer. */
const MAX_ID_CHARACTERS = 200
/** As many as a request may hold. */
const MAX_ITEMS = 10_000

const DATA = '\ndata: '

/** What a request refers to: an answer by `previous_response_id`, items by `item_reference`. Answers are kept unless `store` is false. */
export const responseReferences: AnswerReferences = {
  read: (body) => {
    const { previous_response_id: previous } = body
    const response =
      previous === undefined || previous === null ? undefined : checkedId(previous, 'previous_response_id')
    const items: string[] = []
    for (const [at, item] of inputList(body).entries()) {
      if (!isReference(item)) continue
      if (items.length === MAX_REFERENCES) {
        throw new Failure('invalid-value', `'input' must hold at most ${MAX_REFERENCES} references.`, {
          param: 'input',
        })
      }
      items.push(checkedId(item.id, `input[${at}].id`))
    }
    if (response === undefined && items.length === 0) return undefined
    return { items, ...(response === undefined ? {} : { response }) }
  },
  resolve: (body, { response, items }) => {
    const before = response === undefined ? [] : [...response.input, ...outputOf(response.response)]
    const given = typeof body.input === 'string' ? [userMessage(body.input)] : inputList(body)
    // Clients refer to a message once for each text of it, and to what the continued answer holds already. An item that stood
    // in every place would be as large as all of them.
    const isNew = createFilter(before)
    const input = [
      ...before,
      ...given.filter(isNew).map((item) => (isReference(item) ? (items.get(String(item.id)) ?? item) : item)),
    ]
    if (input.length > MAX_ITEMS) {
      throw new Failure('invalid-value', `The conversation must hold at most ${MAX_ITEMS} items.`, { param: 'input' })
    }
    return { ...body, input }
  },
  isStored: ({ store }) => store !== false,
  notStored: (end, response) => {
    // The client has nothing to refer to, so it gets all that would have been kept.
    const told = { ...response, store: false }
    if (end.startsWith('{')) return JSON.stringify(told)
    // JSON has no line break, so this is where the data of the last event begins.
    const at = end.lastIndexOf(DATA) + DATA.length
    return `${end.slice(0, at)}${JSON.stringify({ ...(parseJson(end.slice(at)) as JsonObject), response: told })}\n\n`
  },
  inputItems: (body, newId) => {
    const given = typeof body.input === 'string' ? [userMessage(body.input)] : inputList(body)
    return given
      .filter(isJsonObject)
      .filter(createFilter([]))
      .map((item) => (typeof item.id === 'string' ? item : withId(item, newId)))
  },
}

/** Leaves out references to an item that stands there already. */
function createFilter(before: readonly unknown[]): (item: unknown) => boolean {
  let seen: Set<unknown> | undefined
  return (item) => {
    if (!isReference(item)) return true
    seen ??= new Set(before.map((one) => isJsonObject(one) && one.id))
    if (seen.has(item.id)) return false
    seen.add(item.id)
    return true
  }
}

function inputList({ input }: JsonObject): readonly unknown[] {
  return Array.isArray(input) ? input : []
}

function outputOf({ output }: JsonObject): readonly unknown[] {
  return Array.isArray(output) ? output : []
}

function isReference(item: unknown): item is JsonObject {
  return isJsonObject(item) && item.type === 'item_reference'
}

function checkedId(id: unknown, param: string): string {
  if (typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARACTERS) return id
  throw new Failure('invalid-value', `'${param}' must be an id.`, { param })
}

function userMessage(text: string): JsonObject {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

const PREFIXES: Readonly<Record<string, string>> = {
  function_call: 'fc_',
  function_call_output: 'fco_',
  custom_tool_call: 'ctc_',
  custom_tool_call_output: 'ctco_',
  reasoning: 'rs_',
}

function withId(item: JsonObject, newId: () => string): JsonObject {
  const type = typeof item.type === 'string' ? item.type : 'message'
  const prefix = Object.hasOwn(PREFIXES, type) ? PREFIXES[type] : 'msg_'
  return { ...item, type, id: `${prefix}${newId()}` }
}
