import { getPathNoStrict } from 'hono/utils/url'
import { expect, test } from 'vitest'
import { mayHaveAccent, readPath, toCanonicalPath } from '../../src/api/paths.ts'

function asked(path: string, method = 'POST') {
  const url = `https://router9.example${path}`
  const decoded = getPathNoStrict({ url } as Request)
  const read = readPath(decoded, method)
  expect(toCanonicalPath(decoded, method)).toBe(read.path)
  if (!mayHaveAccent(url)) expect(read).toEqual({ path: read.path })
  return read
}

test.each([
  ['/v1/chat/completions', '/v1/chat/completions'],
  ['/chat/completions/', '/chat/completions'],
  ['//v1//models//', '/v1/models'],
  ['/v1/responses/resp_1', '/v1/responses/resp_1'],
  ['/api/hello', '/api/hello'],
  ['/api/v2/models', '/api/v2/models'],
  ['/apiary/v1/models', '/apiary/v1/models'],
  ['/openai', '/openai'],
  ['/', '/'],
])('a path of no accent stays what it is: %s', (path, canonical) => {
  expect(asked(path)).toEqual({ path: canonical })
})

test.each([
  ['/openai/v1/chat/completions', '/v1/chat/completions', 'openai'],
  ['//openai/v1/models/', '/v1/models', 'openai'],
  ['/openai/responses?api-version=2025-04-01-preview', '/v1/responses', 'openai'],
  ['/openai/models?api-version=1', '/v1/models', 'openai'],
  ['/%6Fpenai/v1/models', '/v1/models', 'openai'],
  ['/openai/v1/', '/v1', 'openai'],
  ['/openai/v1/v1/models', '/v1/v1/models', 'openai'],
  ['/api/v1/chat/completions', '/v1/chat/completions', 'openrouter'],
  ['//api//v1/messages', '/v1/messages', 'openrouter'],
  ['/api/v1/openai/v1/models', '/v1/openai/v1/models', 'openrouter'],
])('the base URL says whose words a client expects: %s', (path, canonical, accent) => {
  expect(asked(path)).toEqual({ path: canonical, accent })
})

test.each([
  ['gpt-5.4', 'gpt-5.4'],
  ['openai%2Fgpt-5.4', 'openai/gpt-5.4'],
  ['openai/gpt-5.4', 'openai/gpt-5.4'],
  ['llama3%3A8b', 'llama3:8b'],
  ['my%20own%25', 'my own%'],
  ['%E6%A8%A1%E5%9E%8B', '模型'],
  ['100%', '100%'],
])('the name of a deployment of Azure’s is the model: %s', (name, model) => {
  for (const operation of ['chat/completions', 'completions', 'embeddings', 'responses']) {
    const path = `/openai/deployments/${name}/${operation}?api-version=2024-10-21`
    const said = { path: `/v1/${operation}`, accent: 'openai', model }
    expect(asked(path)).toEqual(said)
    // As Azure's clients ask whose base URL is that of the newer API.
    expect(asked(path.replace('/openai/', '/openai/v1/'))).toEqual(said)
  }
})

test('a deployment without a name, or without anything below it, is no model', () => {
  const chat = { path: '/v1/chat/completions', accent: 'openai' }
  expect(asked('/openai/deployments//chat/completions')).toEqual(chat)
  expect(asked('/openai/deployments/chat/completions')).toEqual(chat)
  expect(asked('/openai/deployments/gpt-4o', 'GET')).toEqual({ path: '/v1/deployments/gpt-4o', accent: 'openai' })
  expect(asked('/openai/deployments', 'GET')).toEqual({ path: '/v1/deployments', accent: 'openai' })
  const unknown = { path: '/v1/images/generations', accent: 'openai', model: 'dall-e' }
  expect(asked('/openai/deployments/dall-e/images/generations')).toEqual(unknown)
})

test.each([
  '/v1/models/gemini-3-pro:generateContent',
  '/v1alpha/models/gemini-3-pro:generateContent',
  '/v1beta/models/gemini-3-pro:generateContent',
  '/v1beta1/models/gemini-3-pro:generateContent',
  '/v1/v1beta/models/gemini-3-pro:generateContent',
  '/v1/projects/mine/locations/global/publishers/google/models/gemini-3-pro:generateContent',
  '/v1beta1/projects/mine/locations/eu/publishers/google/models/gemini-3-pro:generateContent',
  '/v1beta1/publishers/google/models/gemini-3-pro:generateContent?alt=sse',
])('Gemini’s API has one path, whatever its version: %s', (path) => {
  expect(asked(path)).toEqual({ path: '/v1beta/models/gemini-3-pro:generateContent' })
  expect(asked(path, 'OPTIONS').path).toBe('/v1beta/models/gemini-3-pro:generateContent')
})

test('a name with a slash that a client takes for the whole name of a resource is that of a model', () => {
  expect(asked('/v1beta/openai/gpt-5.1:generateContent').path).toBe('/v1beta/models/openai/gpt-5.1:generateContent')
  const ofAMaker = '/v1beta1/publishers/openai/models/gpt-5.1:generateContent'
  expect(asked(ofAMaker).path).toBe('/v1beta/models/openai/gpt-5.1:generateContent')
  expect(asked('/v1beta/tunedModels/mine:generateContent').path).toBe('/v1beta/tunedModels/mine:generateContent')
})

test('a model with a colon in its name is described, not asked', () => {
  expect(asked('/v1/models/llama3:8b', 'GET').path).toBe('/v1/models/llama3:8b')
  expect(asked('/v1beta1/publishers/google/models', 'GET').path).toBe('/v1beta/models')
  expect(asked('/v1alpha/models', 'GET').path).toBe('/v1beta/models')
})
