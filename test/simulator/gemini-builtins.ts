import { type Fields, rowsOf } from './json.ts'

const SUM = /^(-?\d+ [+*×-] -?\d+) = (-?\d+)$/
const ADDRESS = /https?:\/\/[^\s"'<>)]+/g
const MOST_ADDRESSES = 20

function offers({ tools }: Fields, name: string): boolean {
  return rowsOf(tools).some((tool) => name in tool)
}

/** The parts of a sum that Gemini's own interpreter works out, where it is offered. */
export function codeParts(body: Fields, text: string): Fields[] {
  const [, sum, result] = (offers(body, 'codeExecution') ? SUM.exec(text) : null) ?? []
  if (sum === undefined) return []
  const code = `print(${sum.replace('×', '*')})\n`
  return [
    { executableCode: { language: 'PYTHON', code } },
    { codeExecutionResult: { outcome: 'OUTCOME_OK', output: `${result}\n` } },
  ]
}

/** What Gemini tells of the addresses in the question that it has read, where it may. */
export function addressesRead(body: Fields, question: string): Fields {
  const found = offers(body, 'urlContext') ? (question.match(ADDRESS) ?? []).slice(0, MOST_ADDRESSES) : []
  if (found.length === 0) return {}
  const urlRetrievalStatus = 'URL_RETRIEVAL_STATUS_SUCCESS'
  return { urlContextMetadata: { urlMetadata: found.map((retrievedUrl) => ({ retrievedUrl, urlRetrievalStatus })) } }
}
