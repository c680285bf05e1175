import { type Fields, fieldsOf } from './json.ts'

type Shape = Record<string, string>

// A name of a shape, `leaf` for a plain value, `free` for JSON of the caller's own, `map:` for named values of a shape.
const SHAPES: Record<string, Shape> = {
  request: shape(
    'model cachedContent serviceTier store',
    'contents:content systemInstruction:content tools:tool toolConfig:toolConfig safetySettings:safety generationConfig:generation labels:free',
  ),
  count: shape('', 'generateContentRequest:request contents:content systemInstruction:content tools:tool'),
  embed: shape('model taskType title outputDimensionality', 'content:content'),
  batch: shape('', 'requests:embed'),
  content: shape('role', 'parts:part'),
  part: shape(
    'text thought thoughtSignature',
    'inlineData:blob fileData:file functionCall:call functionResponse:response executableCode:free codeExecutionResult:free toolCall:free toolResponse:free videoMetadata:free mediaResolution:free partMetadata:free',
  ),
  blob: shape('mimeType data displayName', ''),
  file: shape('mimeType fileUri displayName', ''),
  call: shape('id name', 'args:free'),
  response: shape('id name willContinue scheduling', 'response:free parts:responsePart'),
  responsePart: shape('', 'inlineData:blob fileData:file'),
  tool: shape(
    '',
    'functionDeclarations:declaration googleSearch:free googleSearchRetrieval:free codeExecution:free urlContext:free computerUse:free googleMaps:free fileSearch:free',
  ),
  declaration: shape(
    'name description behavior',
    'parameters:schema response:schema parametersJsonSchema:free responseJsonSchema:free',
  ),
  toolConfig: shape('includeServerSideToolInvocations', 'functionCallingConfig:calling retrievalConfig:free'),
  calling: shape('mode allowedFunctionNames streamFunctionCallArguments', ''),
  safety: shape('category threshold method', ''),
  generation: shape(
    'stopSequences responseMimeType responseModalities candidateCount maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs enableEnhancedCivicAnswers mediaResolution audioTimestamp',
    'responseSchema:schema responseJsonSchema:free _responseJsonSchema:free thinkingConfig:thinking speechConfig:free imageConfig:free',
  ),
  thinking: shape('includeThoughts thinkingBudget thinkingLevel', ''),
  schema: shape(
    'type format title description nullable maxItems minItems required minProperties maxProperties minLength maxLength pattern propertyOrdering minimum maximum',
    'enum:strings anyOf:schema items:schema properties:map:schema default:free example:free',
  ),
}

function shape(leaves: string, branches: string): Shape {
  const entries = branches
    .split(' ')
    .filter((entry) => entry !== '')
    .map((entry): [string, string] => {
      const [name = '', ...kind] = entry.split(':')
      return [name, kind.join(':')]
    })
  return Object.fromEntries([...leaves.split(' ').map((name): [string, string] => [name, 'leaf']), ...entries])
}

/** The first field that Gemini doesn't know, or whose value has not its form, in Google's words. */
export function unknownName(request: Fields, kind: 'request' | 'embed' | 'batch' = 'request'): string | undefined {
  return walk(request, kind, '')
}

/** The request with its names in camelCase. Google takes them in snake_case too, and its client for Python mixes both. */
export function inCamelCase(request: Fields, kind: 'request' | 'count' | 'embed' | 'batch' = 'request'): Fields {
  return Object.fromEntries(Object.entries(request).map(([name, value]) => renamed(name, value, kind)))
}

function renamed(name: string, value: unknown, kind: string): [string, unknown] {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const next = SHAPES[kind]?.[camel]
  return next === undefined ? [name, value] : [camel, allRenamed(value, next)]
}

function allRenamed(value: unknown, kind: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => allRenamed(entry, kind))
  const fields = fieldsOf(value)
  if (fields === undefined) return value
  const named = kind.startsWith('map:') ? kind.slice(4) : undefined
  const entries = Object.entries(fields).map(([name, entry]) =>
    named === undefined ? renamed(name, entry, kind) : [name, allRenamed(entry, named)],
  )
  return Object.fromEntries(entries)
}

function walk(value: unknown, kind: string, path: string): string | undefined {
  if (kind === 'free') return undefined
  if (Array.isArray(value)) {
    if (kind === 'leaf' && path.endsWith('.type'))
      return `Invalid value at '${path}': Proto field is not repeating, cannot start list.`
    return first(value.map((entry, at) => walk(entry, kind, `${path}[${at}]`)))
  }
  if (kind === 'leaf') return fieldsOf(value) === undefined ? undefined : `Invalid value at '${path}': not a message.`
  if (kind === 'strings')
    return typeof value === 'string' ? undefined : `Invalid value at '${path}' (TYPE_STRING), ${JSON.stringify(value)}`
  const fields = fieldsOf(value)
  if (fields === undefined) return value === null ? undefined : `Invalid value at '${path}'`
  if (kind.startsWith('map:')) {
    return first(Object.entries(fields).map(([name, entry]) => walk(entry, kind.slice(4), `${path}[${name}]`)))
  }
  for (const [name, entry] of Object.entries(fields)) {
    const next = SHAPES[kind]?.[name]
    if (next === undefined) {
      const place = path === '' ? '' : ` at '${path}'`
      return `Invalid JSON payload received. Unknown name "${name}"${place}: Cannot find field.`
    }
    const problem = walk(entry, next, path === '' ? snake(name) : `${path}.${snake(name)}`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function first(problems: (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
