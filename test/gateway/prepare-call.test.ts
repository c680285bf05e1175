import { expect, test } from 'vitest'
import type { Deployment } from '../../src/catalog/deployment.ts'
import { Failure } from '../../src/chat/failure.ts'
import { parseChat } from '../../src/chat/request.ts'
import { type Env, readSettings } from '../../src/env.ts'
import type { RequestSource } from '../../src/formats/format.ts'
import { prepareCall } from '../../src/gateway/prepare-call.ts'
import { everyProviderAt } from '../harness/worker.ts'

const { providers } = readSettings(everyProviderAt('http://127.0.0.1:1') as unknown as Env)
const TRAITS = { reasoning: false, tools: true, jsonSchema: true, temperature: true, input: ['text'], output: ['text'] }
const body = { model: 'm', input: 'Hello!' }
const RESPONSES: RequestSource = { format: 'openai-responses', body }

/** Where a deployment is asked, and whether its endpoint may be missing where chats are served. */
function asked(name: string, more: Partial<Deployment>, source?: RequestSource, carriesReasoning = false) {
  const provider = providers.get(name)
  if (provider === undefined) throw new TypeError(name)
  const deployment = { provider: name, upstreamModel: 'm', traits: TRAITS, ...more } as unknown as Deployment
  const chat = parseChat({ model: 'm', messages: [{ role: 'user', content: 'Hello!' }] })
  const target = { model: 'm', deployment }
  const call = prepareCall({
    ...{ target, provider, chat, source, carriesReasoning },
    promptTokens: () => 1,
    header: () => null,
  })
  if (call instanceof Failure) throw call
  return [call.request.path, call.isFurtherFormat]
}

test('a deployment is asked in the client’s own format where it has that, and else in the usual one', () => {
  expect(asked('openai', {})).toEqual(['/chat/completions', false])
  expect(asked('openai', {}, RESPONSES)).toEqual(['/responses', true])
  expect(asked('mistral', {}, RESPONSES)).toEqual(['/chat/completions', false])
})

test('a deployment that is offered in one format alone is asked in that', () => {
  const only = { format: 'openai-responses' }
  expect(asked('openai', only)).toEqual(['/responses', false])
  expect(asked('openai', only, { format: 'anthropic-messages', body })).toEqual(['/responses', false])
})

test('reasoning that is carried back goes in the format that keeps it, to models that reason', () => {
  const reasons = { traits: { ...TRAITS, reasoning: true } as unknown as Deployment['traits'] }
  const source = { format: 'anthropic-messages', body }
  expect(asked('openai', reasons, source, true)).toEqual(['/responses', true])
  expect(asked('openai', reasons, source)).toEqual(['/chat/completions', false])
  expect(asked('openai', {}, source, true)).toEqual(['/chat/completions', false])
})
