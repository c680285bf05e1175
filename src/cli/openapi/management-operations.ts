import { type Notes, notesIn } from './field-notes.ts'
import { COUNT, FLAG, type JsonSchema, ref, TEXT } from './json-schema.ts'
import type { Operation, Parameter } from './operation.ts'

/** What is asked about models, providers, keys and usage. */

const LIST_ERRORS = [401, 403, 404, 500, 503]
const MANAGE_ERRORS = [400, 401, 403, 404, 409, 413, 415, 429, 503]
const USAGE_ERRORS = [400, 401, 403, 404, 429, 501, 503]

const MODELS = 'Models and providers'
const KEYS = 'Keys and teams'
const USAGE = 'Usage'

function query(name: string, description: string, schema: JsonSchema = TEXT, example?: unknown): Parameter {
  return { name, in: 'query', description, schema, ...(example === undefined ? {} : { example }) }
}

function inPath(name: string, description: string, example?: unknown): Parameter {
  return { name, in: 'path', description, schema: TEXT, ...(example === undefined ? {} : { example }) }
}

const usageNotes: Notes = notesIn('usage', 'parameter')
const LABELS = ['key', 'team', 'model', 'provider', 'status', 'client', 'project', 'agent', 'parent_agent', 'session']
const NUMBER_OF_ITEMS = { ...COUNT, minimum: 1, maximum: 1000 }

const keyId = inPath('id', 'the id of a key, or its hash')
const teamId = inPath('id', 'the id of a team')
const providerId = inPath('id', 'a provider', 'openai')
const PAGES: readonly Parameter[] = [
  query('include_disabled', 'also those that are disabled or revoked', { ...FLAG, default: false }),
  query('name', 'only those whose name has this in it'),
  query('without_usage', 'asks no count: usage is `null`', { ...FLAG, default: false }),
  query('cursor', 'what the page before has as `cursor`'),
  query('offset', 'so many are passed over', { ...COUNT, maximum: 5000 }),
]

const once: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'with it, the same request gets the same answer for a day',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

type Short = Omit<Operation, 'tag' | 'key' | 'errors'>

function managed(one: Short): Operation {
  return { tag: KEYS, key: 'management', errors: MANAGE_ERRORS, ...one }
}

function used(one: Short): Operation {
  return { tag: USAGE, key: 'any', errors: USAGE_ERRORS, ...one }
}

export const MANAGEMENT_OPERATIONS: readonly Operation[] = [
  {
    path: '/v1/models',
    method: 'get',
    id: 'listModels',
    tag: MODELS,
    summary: 'Lists the models that can answer now',
    docs: 'models-and-auto#the-list',
    key: 'any',
    parameters: [
      query('all', '`true`: also those that cannot answer, each with its deployments and what they lack', FLAG),
      { name: 'anthropic-version', in: 'header', description: "the list in Anthropic's words", schema: TEXT },
    ],
    answer: ref('AnyModelList'),
    errors: LIST_ERRORS,
  },
  {
    path: '/v1/models/{id}',
    method: 'get',
    id: 'getModel',
    tag: MODELS,
    summary: 'One model of that list',
    docs: 'endpoints#lists-of-models',
    key: 'any',
    parameters: [inPath('id', 'a model, or `auto`', 'auto')],
    answer: ref('Model'),
    errors: LIST_ERRORS,
  },
  {
    path: '/v1beta/models',
    method: 'get',
    id: 'listGeminiModels',
    tag: 'Gemini API',
    summary: "Lists the models in Google's words",
    docs: 'endpoints#lists-of-models',
    key: 'any',
    parameters: [
      query('pageSize', 'so many models', { ...NUMBER_OF_ITEMS, default: 50 }),
      query('pageToken', 'what the page before has as `nextPageToken`'),
    ],
    answer: ref('GeminiModelList'),
    errors: [400, ...LIST_ERRORS],
    errorShape: 'GeminiError',
  },
  {
    path: '/v1beta/models/{model}',
    method: 'get',
    id: 'getGeminiModel',
    tag: 'Gemini API',
    summary: 'One model of that list',
    docs: 'endpoints#lists-of-models',
    key: 'any',
    parameters: [inPath('model', 'a model, or `auto`', 'auto')],
    answer: ref('GeminiModel'),
    errors: LIST_ERRORS,
    errorShape: 'GeminiError',
  },
  {
    path: '/v1/providers',
    method: 'get',
    id: 'listProviders',
    tag: MODELS,
    summary: 'Says how each provider does',
    docs: 'routing#see-what-happened',
    key: 'any',
    parameters: [
      query('region', 'a region, or `all`: [regions, and the last hour](/docs/routing#regions-and-the-last-hour)', {
        enum: ['all', 'wnam', 'enam', 'weur', 'eeur', 'apac', 'oc'],
      }),
    ],
    answer: ref('ProviderList'),
    errors: [400, ...LIST_ERRORS],
  },
  managed({
    path: '/v1/providers/{id}',
    method: 'get',
    id: 'getProviderLimits',
    summary: 'Reads your own limits for a provider',
    docs: 'keys#limits-for-providers',
    parameters: [providerId],
    answer: ref('ProviderLimits'),
  }),
  managed({
    path: '/v1/providers/{id}',
    method: 'patch',
    id: 'changeProviderLimits',
    summary: 'Changes your own limits for a provider',
    docs: 'keys#limits-for-providers',
    parameters: [providerId],
    body: { schema: ref('ProviderChange'), example: { limit: 500, limit_reset: 'monthly' } },
    answer: ref('ProviderLimits'),
  }),
  managed({
    path: '/v1/keys',
    method: 'get',
    id: 'listKeys',
    summary: 'Lists keys, a hundred at a time',
    docs: 'keys#keys-by-http',
    parameters: [...PAGES, query('team', 'only those of this team')],
    answer: ref('KeyList'),
  }),
  managed({
    path: '/v1/keys',
    method: 'post',
    id: 'createKey',
    summary: 'Makes a key',
    docs: 'keys#keys-by-http',
    parameters: [once],
    body: { schema: ref('KeyRequest'), example: { name: 'Ada', limit: 20, limit_reset: 'monthly', rpm: 60 } },
    status: 201,
    answer: ref('NewKey'),
  }),
  managed({
    path: '/v1/keys/{id}',
    method: 'get',
    id: 'getKey',
    summary: 'Reads a key',
    docs: 'keys#keys-by-http',
    parameters: [keyId],
    answer: ref('KeyAnswer'),
  }),
  managed({
    path: '/v1/keys/{id}',
    method: 'patch',
    id: 'changeKey',
    summary: 'Changes a key',
    description: 'What is absent stays, and `null` takes something away.',
    docs: 'keys#keys-by-http',
    parameters: [keyId],
    body: { schema: ref('KeyChange'), example: { rpm: 120 } },
    answer: ref('KeyAnswer'),
  }),
  managed({
    path: '/v1/keys/{id}',
    method: 'delete',
    id: 'revokeKey',
    summary: 'Ends a key for ever',
    docs: 'keys#keys-by-http',
    parameters: [keyId],
    answer: ref('Deleted'),
  }),
  managed({
    path: '/v1/keys/{id}/rotate',
    method: 'post',
    id: 'rotateKey',
    summary: 'Makes a key that takes the place of this one',
    docs: 'keys#keys-by-http',
    parameters: [keyId, once],
    body: { schema: ref('KeyRotation'), example: { grace_seconds: 3600 }, optional: true },
    status: 201,
    answer: ref('NewKey'),
  }),
  managed({
    path: '/v1/teams',
    method: 'get',
    id: 'listTeams',
    summary: 'Lists teams, a hundred at a time',
    docs: 'keys#teams',
    parameters: PAGES,
    answer: ref('TeamList'),
  }),
  managed({
    path: '/v1/teams',
    method: 'post',
    id: 'createTeam',
    summary: 'Makes a team',
    docs: 'keys#teams',
    parameters: [once],
    body: { schema: ref('TeamRequest'), example: { name: 'Research', limit: 500, limit_reset: 'monthly' } },
    status: 201,
    answer: ref('TeamAnswer'),
  }),
  managed({
    path: '/v1/teams/{id}',
    method: 'get',
    id: 'getTeam',
    summary: 'Reads a team',
    docs: 'keys#teams',
    parameters: [teamId],
    answer: ref('TeamAnswer'),
  }),
  managed({
    path: '/v1/teams/{id}',
    method: 'patch',
    id: 'changeTeam',
    summary: 'Changes a team',
    docs: 'keys#teams',
    parameters: [teamId],
    body: { schema: ref('TeamChange'), example: { rpm: 600 } },
    answer: ref('TeamAnswer'),
  }),
  managed({
    path: '/v1/teams/{id}',
    method: 'delete',
    id: 'revokeTeam',
    summary: 'Ends a team and all its keys for ever',
    docs: 'keys#teams',
    parameters: [teamId],
    answer: ref('Deleted'),
  }),
  used({
    path: '/v1/key',
    method: 'get',
    id: 'getOwnKey',
    summary: 'Says what the key of the request is, may and has used',
    docs: 'keys#keys-by-http',
    answer: ref('OwnKey'),
  }),
  used({
    path: '/v1/usage',
    method: 'get',
    id: 'getUsage',
    summary: 'Adds up what was used, by day, model and more',
    docs: 'usage#sums',
    parameters: [
      query('by', usageNotes.get('by') ?? '', TEXT, 'day,model'),
      ...['from', 'to'].map((name) => query(name, usageNotes.get(name) ?? '')),
      ...LABELS.map((name) => query(name, usageNotes.get(name) ?? 'only what is equal to this')),
    ],
    answer: ref('UsageList'),
  }),
  used({
    path: '/v1/calls',
    method: 'get',
    id: 'listCalls',
    summary: 'Lists single calls, the newest first',
    docs: 'usage#single-calls',
    parameters: [
      query('status', 'a status, or a class of them', { type: 'string', pattern: '^[1-5](\\d\\d|xx)$' }, '4xx'),
      query('failed', '`true`: only what the sums count as `failures`, broken streams too', {
        ...FLAG,
        default: false,
      }),
      query('model', 'only calls of this model'),
      query('id', 'the id of an answer, or of its request'),
      query('before', 'the time that the page before names'),
      query('key', 'with a management key: only calls of this key'),
    ],
    answer: ref('CallList'),
  }),
  used({
    path: '/v1/generation',
    method: 'get',
    id: 'getGeneration',
    summary: "One call, in OpenRouter's shape",
    docs: 'usage#single-calls',
    parameters: [
      { ...query('id', 'the id of an answer, or of its request (`x-request-id`)'), isRequired: true },
      query('key', 'with a management key: only calls of this key'),
    ],
    answer: ref('Generation'),
  }),
  {
    path: '/v1/credits',
    method: 'get',
    id: 'getCredits',
    tag: USAGE,
    summary: 'What all keys have used, and what is left of their budgets',
    docs: 'keys#keys-by-http',
    key: 'management',
    answer: ref('Credits'),
    errors: USAGE_ERRORS,
  },
  {
    path: '/health',
    method: 'get',
    id: 'getHealth',
    tag: MODELS,
    summary: 'Says that the Worker runs, and its version',
    docs: 'operations#monitoring',
    key: 'none',
    answer: ref('Health'),
    errors: [500],
  },
]
