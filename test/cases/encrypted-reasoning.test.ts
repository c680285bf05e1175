import { expect, test } from 'vitest'
import { DEMO_KEY } from '../harness/worker.ts'
import { useCase } from './router.ts'
import { whole } from './wires.ts'

const router9 = useCase()

test('reasoning that our account cannot read does not end the conversation: it goes on without it', async () => {
  const error = { message: 'The encrypted content could not be verified.', code: 'invalid_encrypted_content' }
  const answer = {
    object: 'response',
    status: 'completed',
    output: [{ type: 'message', content: [{ type: 'output_text', text: 'Hi' }] }],
    usage: { input_tokens: 3, output_tokens: 1, total_tokens: 4 },
  }
  router9.upstream.play({ ...whole({ error }), status: 400 }, whole(answer))
  const user = { role: 'user', content: 'Hello' }
  const encrypted_content = 'of-another-account'
  const call = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' }
  const output = { type: 'function_call_output', call_id: 'call_1', output: 'Seen.' }
  const response = await fetch(`${router9.url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openai/gpt-5',
      store: false,
      input: [user, { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content }, { ...call, id: 'fc_1' }, output],
    }),
  })
  expect(response.status).toBe(200)
  const asked = router9.upstream.asked()
  expect(asked.map(({ path }) => path)).toEqual(['/openai/responses', '/openai/responses'])
  // Without ids, by which OpenAI would look for the reasoning that an item came with.
  expect(asked[1]?.body.input).toEqual([user, call, output])
})
