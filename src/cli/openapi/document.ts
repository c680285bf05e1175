import { VERSION } from '../../version.ts'
import { ANSWER_SCHEMAS } from './answer-schemas.ts'
import { namesIn, rowsIn } from './field-notes.ts'
import { TEXT } from './json-schema.ts'
import { MANAGEMENT_OPERATIONS } from './management-operations.ts'
import { MANAGEMENT_SCHEMAS } from './management-schemas.ts'
import { MODEL_OPERATIONS } from './model-operations.ts'
import type { ErrorShape, Method, Operation, Parameter } from './operation.ts'
import { REQUEST_SCHEMAS } from './request-schemas.ts'

type Fields = Readonly<Record<string, unknown>>

/** All that Router9 serves. */
const OPERATIONS: readonly Operation[] = [...MODEL_OPERATIONS, ...MANAGEMENT_OPERATIONS]

/** An OpenAPI 3.1 document of all paths, which tools read at `/openapi.json`. */
export function openApiDocument(): Fields {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Router9',
      version: VERSION,
      summary: 'One API for the models of all providers.',
      description:
        'Each path that begins with `/v1/` works without it too. Fields of requests that are not described here pass, because a provider may know them; an optional field may be `null`, which means that it is absent.',
    },
    externalDocs: { description: 'Documentation', url: '/docs' },
    // Wherever the document itself is.
    servers: [{ url: '/' }],
    tags: [...new Set(OPERATIONS.map(({ tag }) => tag))].map((name) => ({ name })),
    paths: pathsOf(OPERATIONS),
    components: {
      schemas: { ...REQUEST_SCHEMAS, ...ANSWER_SCHEMAS, ...MANAGEMENT_SCHEMAS },
      responses: errorResponses(),
      headers: responseHeaders(),
      securitySchemes: SECURITY_SCHEMES,
    },
  }
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key for models, `sk-r9k-…`.' },
  'x-api-key': {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: "The same, as Anthropic's clients send it.",
  },
  'x-goog-api-key': {
    type: 'apiKey',
    in: 'header',
    name: 'x-goog-api-key',
    description: "The same, as Google's clients send it.",
  },
  'api-key': { type: 'apiKey', in: 'header', name: 'api-key', description: "The same, as Azure's clients send it." },
  management: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key that manages keys: [keys by HTTP](/docs/keys#keys-by-http).',
  },
}
const MODEL_KEYS = ['bearer', 'x-api-key', 'x-goog-api-key', 'api-key']
const KEYS: Readonly<Record<Operation['key'], readonly string[]>> = {
  model: MODEL_KEYS,
  management: ['management'],
  any: [...MODEL_KEYS, 'management'],
  none: [],
}

function pathsOf(operations: readonly Operation[]): Fields {
  const paths: Record<string, Partial<Record<Method, Fields>>> = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: entryOf(operation) }
  }
  return paths
}

function entryOf(operation: Operation): Fields {
  const { id, tag, summary, description, docs, key, parameters, body } = operation
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    externalDocs: { url: `/docs/${docs}` },
    security: KEYS[key].map((scheme) => ({ [scheme]: [] })),
    ...(parameters === undefined ? {} : { parameters: parameters.map(parameterOf) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.optional !== true,
            content: { 'application/json': { schema: body.schema, example: body.example } },
          },
        }),
    responses: responsesOf(operation),
  }
}

function parameterOf({ name, in: place, description, schema, example, isRequired }: Parameter): Fields {
  return {
    name,
    in: place,
    description,
    required: isRequired === true || place === 'path',
    schema,
    ...(example === undefined ? {} : { example }),
  }
}

function responsesOf(operation: Operation): Fields {
  const { status = 200, answer, event, errors, errorShape = 'Error' } = operation
  const refused = errors.map((one) => [
    statusIn(errorShape, one),
    { $ref: `#/components/responses/${errorShape}${one}` },
  ])
  if (answer === undefined) return Object.fromEntries(refused)
  const content = {
    'application/json': { schema: answer },
    ...(event === undefined
      ? {}
      : { 'text/event-stream': { schema: { ...event, description: 'One event: what follows `data:`.' } } }),
  }
  return {
    [status]: { description: 'The answer.', headers: headersOf(operation), content },
    ...Object.fromEntries(refused),
  }
}

/** An overloaded server answers 529 in the Messages API. */
function statusIn(shape: ErrorShape, status: number): number {
  return shape === 'MessagesError' && status === 503 ? 529 : status
}

const SHAPES: readonly ErrorShape[] = ['Error', 'MessagesError', 'GeminiError']

/** An answer for each status of an error, with what the documentation says of its codes. */
function errorResponses(): Fields {
  const used = new Set(OPERATIONS.flatMap(({ errors, errorShape = 'Error' }) => errors.map((one) => errorShape + one)))
  const byStatus = Map.groupBy(rowsIn('errors', 'status'), ({ first }) => first)
  const entries = SHAPES.flatMap((shape) =>
    [...byStatus].map(([status, rows]) => {
      const description = rows.map(({ middle, last }) => `- ${middle}: ${last}`).join('\n')
      const content = { 'application/json': { schema: { $ref: `#/components/schemas/${shape}` } } }
      return [`${shape}${status}`, { description, content }] as const
    }),
  )
  return Object.fromEntries(entries.filter(([name]) => used.has(name)))
}

/** What the documentation says of the headers of responses. */
const HEADERS = rowsIn('headers', 'header').flatMap(({ first, middle: on, last }) =>
  on === '' ? [] : namesIn(first).map((name) => ({ name, on, note: last })),
)

function responseHeaders(): Fields {
  return Object.fromEntries(HEADERS.map(({ name, note }) => [name, { description: note, schema: TEXT }]))
}

/** Those of a call of a model say who answered. */
function headersOf({ key, body, errorShape }: Operation): Fields {
  const isCall = key === 'model' && body !== undefined
  const shown = HEADERS.filter(
    ({ on }) =>
      on === 'every response' ||
      (isCall && !/^\d/.test(on) && (errorShape === 'MessagesError' || !on.includes('Messages'))),
  )
  return Object.fromEntries(shown.map(({ name }) => [name, { $ref: `#/components/headers/${name}` }]))
}
