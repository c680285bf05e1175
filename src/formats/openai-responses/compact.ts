import type { OutputEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { ClientFormat } from '../format.ts'
import { openaiResponses } from './client.ts'
import { readResponsesRequest } from './read-request.ts'
import { responseReferences } from './references.ts'

const PATH = '/responses/compact'

/**
 * `/v1/responses/compact`: a conversation becomes a shorter one, which only its provider can read. So request and answer pass
 * as they are, and deployments without it refuse: agents then shorten their conversations themselves.
 */
export const openaiCompact: ClientFormat = {
  ...openaiResponses,
  readRequest: ({ stream: _, ...body }, input) => {
    const request = readResponsesRequest(body, input)
    const source = { format: openaiResponses.name, body, ...request.source, path: PATH, requires: noSuchEndpoint() }
    return { ...request, source }
  },
  writeAnswer: passAnswer,
  references: { ...responseReferences, isStored: () => false },
}

function passAnswer(events: Iterable<OutputEvent>): object {
  let answer: object | undefined
  for (const event of events) {
    if (event.type === 'native') answer = event.message
    else if (event.type === 'error') throw event.failure
  }
  if (answer === undefined) throw new TypeError('an answer of the provider’s own format is always there as it came')
  return answer
}

function noSuchEndpoint(): Failure {
  return new Failure(
    'unknown-endpoint',
    "No provider of this model has '/v1/responses/compact'. OpenAI's models have it.",
  )
}
