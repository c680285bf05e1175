import { expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { openaiResponsesAsOpenRouter } from '../../../src/formats/openai-responses/openrouter.ts'
import { answerInput } from '../answer-input.ts'

const END: OutputEvent = {
  type: 'end',
  finishes: [{ choice: 0, reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
}

/** What a server of this API says that leaves out whatever is null. */
const SPARSE = {
  object: 'response',
  id: 'resp_theirs',
  created_at: 5,
  model: 'theirs',
  status: 'completed',
  output: [],
  output_text: null,
  reasoning: 'none',
  text: { format: { type: 'json_schema', name: 'a', description: null, schema: {} } },
  usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
}
const WHOLE = {
  completed_at: null,
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  frequency_penalty: 0,
  presence_penalty: 0,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
  temperature: 1,
  top_p: 1,
  reasoning: { effort: null, summary: null },
  text: { format: { type: 'json_schema', name: 'a', schema: {} } },
  usage: {
    ...SPARSE.usage,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  },
}

test('a whole answer of a server that leaves out what is null has what OpenRouter’s clients insist on', () => {
  const events: OutputEvent[] = [{ type: 'native', message: SPARSE }, END]
  const answer = openaiResponsesAsOpenRouter.writeAnswer(events, answerInput())
  expect(answer).toMatchObject({ ...WHOLE, id: 'answer-1', status: 'completed' })
  expect(answer).not.toHaveProperty('output_text')
})

test('so have the events of its streams, and the end of a call’s arguments names the function', () => {
  const messages = [
    { type: 'response.created', response: { ...SPARSE, status: 'in_progress' } },
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'function_call', id: 'fc_1', call_id: 'c', name: 'look', arguments: '' },
    },
    { type: 'response.function_call_arguments.done', output_index: 0, item_id: 'fc_1', arguments: '{}' },
    { type: 'response.function_call_arguments.done', output_index: 1, item_id: 'fc_2', arguments: '{}', name: 'own' },
    { type: 'response.completed', response: SPARSE },
  ]
  const write = openaiResponsesAsOpenRouter.streamWriter(answerInput())
  const text = [...messages.map((message): OutputEvent => ({ type: 'native', message })), END].map(write).join('')
  const events = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
  expect(events[0].response).toMatchObject(WHOLE)
  expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: WHOLE })
  expect(events.filter(({ name }) => name !== undefined).map(({ name }) => name)).toEqual(['look', 'own'])
})
