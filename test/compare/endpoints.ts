import { allModels } from '../../src/catalog/models.ts'
import { PROVIDERS } from '../../src/catalog/providers.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import type { CompareRequest } from './request.ts'
import { simulated } from './side.ts'
import type { Source } from './source.ts'

const HEADERS = { authorization: `Bearer ${DEMO_KEY}` }
const NARROW_KEY = 'sk-r9k-narrow-key'
const PATHS = [
  ...['/v1/chat/completions', '/chat/completions', '/v1/chat/completions/', '/v1/models', '/models', '/v1/models/'],
  ...['/v1/models/gpt-4o', '/v1/models/openai/gpt-4o', '/v1/models/auto', '/v1/providers', '/providers', '/v1/route'],
  ...[
    '/health',
    '/v1/health',
    '/',
    '/v1',
    '/v1/',
    '/v2/chat/completions',
    '/v1/%ff%zz',
    '/v1/nothing?a=b',
    '//v1/models',
  ],
  ...['/v1/models/%2e%2e', '/v1/models/%00', '/v1/models?limit=1', '/favicon.ico', '/V1/Models', '/v1/models/nothing'],
]
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']

/** What is not a call of a model: every method at every path, and every model by all its names. */
export function endpoints(quick: boolean): Source {
  const get = (path: string, headers: Readonly<Record<string, string>> = HEADERS, method = 'GET'): CompareRequest => ({
    name: `${method} ${path}${headers === HEADERS ? '' : ` ${JSON.stringify(headers)}`}`,
    method,
    path,
    headers,
  })
  const preflight = { origin: 'https://example.com', 'access-control-request-headers': 'x-stainless-os, authorization' }
  const names = allModels().flatMap(({ id, deployments }) => [
    id,
    ...deployments.map(({ provider, upstreamModel }) => `${provider}/${upstreamModel}`),
  ])
  const models = [...names, ...PROVIDERS.map(({ id }) => `${id}/some-model`)].filter((_, at) => !quick || at % 20 === 0)
  return {
    name: 'endpoints',
    setting: { upstream: simulated, keys: { [NARROW_KEY]: { models: ['gpt-4o', 'anthropic/*'] } } },
    requests: [
      ...PATHS.flatMap((path) => METHODS.map((method) => get(path, HEADERS, method))),
      ...PATHS.map((path) => get(path, {})),
      ...PATHS.map((path) => get(path, preflight, 'OPTIONS')),
      ...['/v1/models', '/v1/models/gpt-4o', '/v1/models/gpt-5', '/v1/models/auto', '/v1/providers'].map((path) =>
        get(path, { authorization: `Bearer ${NARROW_KEY}` }),
      ),
      ...models.map((name) => get(`/v1/models/${name.split('/').map(encodeURIComponent).join('/')}`)),
    ],
  }
}
