import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { DEMO_KEY, type RunningWorker, startWorker } from '../harness/worker.ts'
import { errorOf } from './refusal.ts'

const SECRET = 'sk-proj-Abc123Def456Ghi789Jkl012'

interface Mistake {
  readonly name: string
  readonly vars: Readonly<Record<string, string>>
  /** The setting that the message has to name. */
  readonly setting: string
}

const MISTAKES: readonly Mistake[] = [
  { name: 'an unknown model for auto', vars: { AUTO_MODELS: 'nonsense' }, setting: 'AUTO_MODELS' },
  { name: 'a key for a model of auto', vars: { AUTO_MODELS: `gpt-4o,${SECRET}` }, setting: 'AUTO_MODELS' },
  {
    name: 'an address that is none',
    vars: { OPENAI_API_KEY: SECRET, OPENAI_BASE_URL: 'not a url' },
    setting: 'OPENAI_BASE_URL',
  },
  {
    name: 'a key for an address',
    vars: { OPENAI_API_KEY: SECRET, OPENAI_BASE_URL: SECRET },
    setting: 'OPENAI_BASE_URL',
  },
  {
    name: 'an address of another protocol',
    vars: { OPENAI_API_KEY: SECRET, OPENAI_BASE_URL: 'ftp://example.com' },
    setting: 'OPENAI_BASE_URL',
  },
  {
    name: 'an address with a key in its query',
    vars: { GEMINI_API_KEY: SECRET, GEMINI_BASE_URL: `https://example.com/?key=${SECRET}` },
    setting: 'GEMINI_BASE_URL',
  },
  {
    name: 'an address with a user and a password',
    vars: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `http://somebody:${SECRET}@127.0.0.1:9/v1` },
    setting: 'OPENAI_BASE_URL',
  },
  {
    name: 'an address with a key for a user',
    vars: { CUSTOM_BASE_URL: `https://${SECRET}@example.com` },
    setting: 'CUSTOM_BASE_URL',
  },
  { name: 'a time that is no number', vars: { IDLE_TIMEOUT_MS: 'abc' }, setting: 'IDLE_TIMEOUT_MS' },
  { name: 'a time below nothing', vars: { TOTAL_TIMEOUT_MS: '-1' }, setting: 'TOTAL_TIMEOUT_MS' },
  { name: 'no time at all', vars: { FIRST_BYTE_TIMEOUT_MS: '0' }, setting: 'FIRST_BYTE_TIMEOUT_MS' },
  { name: 'a time with a unit', vars: { COMMIT_AFTER_MS: '10s' }, setting: 'COMMIT_AFTER_MS' },
  { name: 'a price of which a half is missing', vars: { MODEL_PRICES: 'custom/m=1' }, setting: 'MODEL_PRICES' },
  { name: 'a price at nobody', vars: { MODEL_PRICES: 'nobody/m=1:2' }, setting: 'MODEL_PRICES' },
  { name: 'Azure without an address', vars: { AZURE_OPENAI_API_KEY: SECRET }, setting: 'AZURE_OPENAI_BASE_URL' },
  { name: 'Workers AI without an account', vars: { WORKERS_AI_API_KEY: SECRET }, setting: 'WORKERS_AI_ACCOUNT_ID' },
  { name: 'a custom key without an address', vars: { CUSTOM_API_KEY: SECRET }, setting: 'CUSTOM_BASE_URL' },
]

describe.each(MISTAKES)('a setting that makes no sense stops Router9: $name', ({ vars, setting }) => {
  let worker: RunningWorker
  beforeAll(async () => {
    worker = await startWorker({ file: inject('bundle'), vars })
  })
  afterAll(() => worker.stop())

  test.each([
    ['POST', '/v1/chat/completions', true],
    ['POST', '/chat/completions', true],
    ['GET', '/v1/models', true],
    ['GET', '/v1/models/auto', true],
    ['GET', '/v1/models/gpt-4o', true],
    ['GET', '/health', false],
  ])('%s %s names it', async (method, path, withKey) => {
    const response = await fetch(worker.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...(withKey ? { authorization: `Bearer ${DEMO_KEY}` } : {}) },
      ...(method === 'POST'
        ? { body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'Hello!' }] }) }
        : {}),
    })
    const { message, type } = await errorOf(response)
    expect(response.status).toBe(500)
    expect(type).toBe('server_error')
    expect(message).toContain(setting)
    expect(message).not.toContain(SECRET)
    expect(JSON.stringify([...response.headers])).not.toContain(SECRET)
  })

  test('and no value that may be secret is logged', () => {
    expect(worker.log()).toContain(setting)
    expect(worker.log()).not.toContain(SECRET)
  })
})

test.each<[string, Record<string, string>]>([
  ['blanks around a value', { IDLE_TIMEOUT_MS: ' 500 ', OPENAI_API_KEY: ' k ' }],
  ['an empty value', { IDLE_TIMEOUT_MS: '', AUTO_MODELS: '', OPENAI_BASE_URL: '' }],
  ['commas too many', { AUTO_MODELS: ',gpt-4o, ,claude-sonnet-4-6,' }],
  ['an address with slashes at its end', { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1//' }],
  ['an address of a provider without a key', { OPENAI_BASE_URL: 'not used' }],
])('what makes sense does not stop it: %s', async (_, vars) => {
  const worker = await startWorker({ file: inject('bundle'), vars })
  const response = await fetch(`${worker.url}/health`)
  const text = await response.text()
  await worker.stop()
  expect(response.status, text).toBe(200)
})
