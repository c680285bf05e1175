import { type Fields, fieldsOf, rowsOf, textOf } from './json.ts'
import { isSigned } from './signatures.ts'

const SENTINELS = ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go']
const DATA_FIELDS = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
]

/** What Gemini would refuse in the contents, for a model of this version. */
export function checkContents(contents: Fields[], version: number): string | undefined {
  if (contents.length === 0) return '* GenerateContentRequest.contents: contents is not specified'
  for (const [at, content] of contents.entries()) {
    const problem = checkContent(content, at)
    if (problem !== undefined) return problem
  }
  const turns = turnsOf(contents)
  const hollow = turns.findIndex((turn) => !saysSomething(turn))
  if (hollow >= 0) return `* GenerateContentRequest.contents[${hollow}].parts: contents.parts must not be empty.`
  return checkOrder(turns) ?? checkSignatures(turns, version >= 3)
}

// Google's own clients keep each event of a stream as a content of its own, the empty text at its end too.
function turnsOf(contents: Fields[]): Fields[] {
  const turns: Fields[] = []
  for (const content of contents) {
    const last = turns.at(-1)
    if (last?.role !== content.role || last === undefined) turns.push(content)
    else turns[turns.length - 1] = { ...last, parts: [...rowsOf(last.parts), ...rowsOf(content.parts)] }
  }
  return turns
}

function saysSomething({ parts }: Fields): boolean {
  return rowsOf(parts).some((part) => textOf(part.text) !== '' || Object.keys(part).some((field) => field !== 'text'))
}

function checkContent(content: Fields, at: number): string | undefined {
  if (content.role !== undefined && content.role !== 'user' && content.role !== 'model') {
    return 'Please use a valid role: user, model.'
  }
  const place = `* GenerateContentRequest.contents[${at}].parts`
  const parts = rowsOf(content.parts)
  if (parts.length === 0) return `${place}: contents.parts must not be empty.`
  for (const [index, part] of parts.entries()) {
    const problem = checkPart(part, content)
    if (problem !== undefined) return `${place}[${index}]${problem}`
  }
  return undefined
}

function checkPart(part: Fields, { role }: Fields): string | undefined {
  const data = DATA_FIELDS.filter((field) => part[field] !== undefined)
  if (data.length === 0) return ".data: required oneof field 'data' must have one initialized field"
  if (data.length > 1) return ".data: oneof field 'data' is already set."
  const inline = fieldsOf(part.inlineData)
  if (inline !== undefined) {
    if (textOf(inline.mimeType) === '') return '.inline_data.mime_type: must not be empty.'
    if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(textOf(inline.data)))
      return '.inline_data.data (TYPE_BYTES): Base64 decoding failed'
  }
  const call = fieldsOf(part.functionCall)
  if (call !== undefined) {
    if (role !== 'model') return '.function_call: must be in a model turn.'
    if (textOf(call.name) === '') return '.function_call.name: Name cannot be empty.'
    if (call.args !== undefined && fieldsOf(call.args) === undefined) return '.function_call.args: must be an object.'
  }
  const response = fieldsOf(part.functionResponse)
  if (response === undefined) return undefined
  if (role === 'model') return '.function_response: must be in a user turn.'
  if (textOf(response.name) === '') return '.function_response.name: Name cannot be empty.'
  return fieldsOf(response.response) === undefined ? '.function_response.response: must be an object.' : undefined
}

function checkOrder(contents: Fields[]): string | undefined {
  if (contents[0]?.role === 'model') return 'Please ensure that multiturn requests start with a user turn.'
  const calls = contents.map((content) => having(content, 'functionCall').length)
  const responses = contents.map((content) => having(content, 'functionResponse').length)
  for (const at of contents.keys()) {
    const asked = calls[at - 1] ?? 0
    const answered = responses[at] ?? 0
    if (answered > 0 && asked === 0)
      return 'Please ensure that function response turn comes immediately after a function call turn.'
    if (asked !== answered && asked > 0) {
      return 'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
    }
    const after = contents[at - 1]
    if ((calls[at] ?? 0) > 0 && (after === undefined || after.role === 'model')) {
      return 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
    }
  }
  return undefined
}

// Only the calls since the user's last words are looked at, and of parallel ones only the first.
function checkSignatures(contents: Fields[], isWanted: boolean): string | undefined {
  const spoken = contents.findLastIndex(
    (content) => content.role !== 'model' && having(content, 'functionResponse').length === 0,
  )
  for (const [at, content] of contents.entries()) {
    for (const part of rowsOf(content.parts)) {
      const signature = textOf(part.thoughtSignature)
      // A call's own signature belongs to it, whatever else may move.
      const name = textOf(fieldsOf(part.functionCall)?.name)
      if (signature !== '' && !SENTINELS.includes(signature) && !isSigned('gemini', name, signature)) {
        return 'Corrupted thought signature.'
      }
    }
    const [call] = having(content, 'functionCall')
    if (isWanted && at > spoken && call !== undefined && textOf(call.thoughtSignature) === '') {
      const name = textOf(fieldsOf(call.functionCall)?.name)
      return `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\`, position ${at + 1}.`
    }
  }
  return undefined
}

function having(content: Fields, field: string): Fields[] {
  return rowsOf(content.parts).filter((part) => part[field] !== undefined)
}
