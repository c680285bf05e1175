import type { AnswerInput } from '../../src/formats/format.ts'
import { createSealer } from '../../src/gateway/sealer.ts'

/** The sealer of one key; another call with another key gives one that cannot open its texts. */
const sealer = await createSealer('sk-r9k-tests')

let ids = 0

/** What a client format writes an answer from, with the given parts replaced. */
export function answerInput(parts: Partial<AnswerInput> = {}): AnswerInput {
  return {
    envelope: { id: 'answer-1', created: 1_714_000_000, model: 'base' },
    chat: { model: 'base', messages: [{ role: 'user', content: 'Hi' }] },
    header: () => null,
    requestId: 'req_1',
    sealer,
    promptTokens: () => 10,
    newId: () => `n${++ids}`,
    now: () => 1_714_000_005,
    ...parts,
  }
}
