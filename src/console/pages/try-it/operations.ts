/** What is read of an OpenAPI document. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** A method of a path, with what a form for it needs. */
export interface Operation {
  readonly method: string
  /** Of the Worker, with `{…}` where a field goes. */
  readonly path: string
  readonly summary: string
  readonly fields: readonly Field[]
  /** Absent where it takes no body. */
  readonly body?: { readonly example: string; readonly isRequired: boolean }
  /** Whether the body's `stream` says if the answer streams. */
  readonly mayStream: boolean
  /** What its key may be, the one that sees most first; none where it needs none. */
  readonly roles: readonly Role[]
  /** Whether it changes something that others use. */
  readonly isChange: boolean
}

export type Role = 'managementKey' | 'key'

/** A parameter of the path, of the query, or of the header. */
export interface Field {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description: string
  readonly isRequired: boolean
  readonly example: string
  /** What it may be, where that is a list. */
  readonly options?: readonly string[]
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly description?: string
  readonly required?: boolean
  readonly schema?: Schema
  readonly example?: unknown
}

interface OpenApiOperation {
  readonly summary?: string
  readonly parameters?: readonly unknown[]
  readonly requestBody?: unknown
  readonly responses?: Readonly<Record<string, unknown>>
  readonly security?: readonly Readonly<Record<string, unknown>>[]
  readonly externalDocs?: { readonly url?: string }
}

type Content = Readonly<Record<string, { readonly example?: unknown } | undefined>>

/**
 * The operations that name this page as theirs: those whose path has its name first, then in the order of the document.
 * @param page its path, `/docs/…`
 */
export function operationsOf(document: OpenApi, page: string): readonly Operation[] {
  const isSame = ({ path }: Operation) => Number(path.includes(page.replace('/docs', '')))
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as OpenApiOperation | undefined
      if (operation === undefined || operation.externalDocs?.url?.split('#')[0] !== page) return []
      return [readOperation(document, { method, path, operation, shared: (item.parameters ?? []) as unknown[] })]
    }),
  )
  return operations.toSorted((one, other) => isSame(other) - isSame(one))
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete']

function readOperation(
  document: OpenApi,
  found: { method: string; path: string; operation: OpenApiOperation; shared: readonly unknown[] },
): Operation {
  const { path, operation, shared } = found
  const method = found.method.toUpperCase()
  const parameters = [...shared, ...(operation.parameters ?? [])].map((one) => resolve<Parameter>(document, one))
  const requestBody = resolve<{ content?: Content; required?: boolean } | undefined>(document, operation.requestBody)
  const json = requestBody?.content?.['application/json']
  const roles = rolesOf(operation)
  const isManagement = String(roles) === 'managementKey'
  return {
    method,
    path,
    summary: plain(operation.summary ?? ''),
    fields: parameters.flatMap(readField),
    ...(json && {
      body: {
        example: json.example === undefined ? '' : JSON.stringify(json.example, null, 2),
        isRequired: requestBody?.required === true,
      },
    }),
    mayStream: mayStream(document, operation),
    roles,
    isChange: method === 'DELETE' || (isManagement && method !== 'GET'),
  }
}

function rolesOf({ security = [] }: OpenApiOperation): readonly Role[] {
  const schemes = security.flatMap((one) => Object.keys(one))
  const isManagement = (scheme: string) => /management/i.test(scheme)
  return [
    ...(schemes.some(isManagement) ? (['managementKey'] as const) : []),
    ...(schemes.some((scheme) => !isManagement(scheme)) ? (['key'] as const) : []),
  ]
}

/** Where an answer is JSON or a stream, the body says which. */
function mayStream(document: OpenApi, { responses = {} }: OpenApiOperation): boolean {
  const { content = {} } = resolve<{ content?: Content } | undefined>(document, responses['200']) ?? {}
  return content['text/event-stream'] !== undefined && content['application/json'] !== undefined
}

function readField({ name, in: place, description = '', required, schema = {}, example }: Parameter): Field[] {
  if (place !== 'path' && place !== 'query' && place !== 'header') return []
  const options = schema.enum ?? (schema.type === 'boolean' ? [true, false] : undefined)
  const shown = example ?? schema.default
  return [
    {
      name,
      in: place,
      description: plain(description),
      isRequired: required === true || place === 'path',
      example: shown === undefined ? '' : String(shown),
      ...(options && { options: options.filter((one) => one !== null).map(String) }),
    },
  ]
}

const MAX_HOPS = 8

/** What a reference points to, within the document. */
function resolve<Value>(document: OpenApi, value: unknown): Value {
  let at = value
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const { $ref } = (at ?? {}) as { $ref?: string }
    if ($ref === undefined) break
    const names = $ref.replace(/^#\//, '').split('/')
    at = names.reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], document)
  }
  return at as Value
}

/** Markdown as text. */
function plain(text: string): string {
  return text.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}
