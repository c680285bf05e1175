import { expect, test } from 'vitest'
import { checkModelInPath, urlOf, withoutVersion } from '../../src/gateway/upstream.ts'

const GEMINI = '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'

test.each([
  ['https://api.openai.com/v1', '/chat/completions', 'https://api.openai.com/v1/chat/completions'],
  ['https://api.anthropic.com', '/v1/messages', 'https://api.anthropic.com/v1/messages'],
  ['https://api.anthropic.com/v1', '/v1/messages', 'https://api.anthropic.com/v1/messages'],
  ['https://proxy.example/anthropic', '/v1/messages', 'https://proxy.example/anthropic/v1/messages'],
  ['https://generativelanguage.googleapis.com', GEMINI, `https://generativelanguage.googleapis.com${GEMINI}`],
  [
    'https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google',
    GEMINI,
    'https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse',
  ],
  [
    'https://r.openai.azure.com/openai/deployments/{MODEL}?api-version=2024-10-21',
    '/chat/completions',
    'https://r.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21',
  ],
  ['https://x.example/v2?a=b', '/v1/y?alt=sse', 'https://x.example/v2/y?a=b&alt=sse'],
  ['https://x.example/v2?', '/v1/y', 'https://x.example/v2/y'],
  ['https://x.example/v2?', '/v1/y?alt=sse', 'https://x.example/v2/y?alt=sse'],
])('%s and %s make %s', (base, path, whole) => {
  expect(urlOf(base, path, 'gpt-4o')).toBe(whole)
})

test.each([
  ['https://api.deepseek.com/v1', 'https://api.deepseek.com/beta/completions'],
  ['https://api.deepseek.com', 'https://api.deepseek.com/beta/completions'],
  ['https://api.deepseek.com/beta', 'https://api.deepseek.com/beta/completions'],
  ['http://127.0.0.1:1/v1/deepseek', 'http://127.0.0.1:1/v1/deepseek/beta/completions'],
  ['http://127.0.0.1:1/deepseek/v1?a=b', 'http://127.0.0.1:1/deepseek/beta/completions?a=b'],
])('a path with its own version takes the place of the one at the end of %s', (base, whole) => {
  expect(urlOf(withoutVersion(base), '/beta/completions', 'm')).toBe(whole)
})

test.each(['..', '.', 'a/../b', '%2e%2e', '..%2fa', ''])('a model named %j is no step of an address', (model) => {
  const baseUrl = 'https://r.example/deployments/{MODEL}'
  expect(() => checkModelInPath({ baseUrl }, model)).toThrow(expect.objectContaining({ kind: 'unknown-model' }))
  expect(() => checkModelInPath({ baseUrl: 'https://r.example/v1' }, model)).not.toThrow()
})
