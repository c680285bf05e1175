import { Failure, quoted } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import type { RequestSource } from '../format.ts'
import { isJsonObject, isPresent, type JsonObject, omitNull } from '../shared/fields.ts'
import { isStrictSchema } from '../shared/json-schema.ts'
import { unsupportedContent } from '../shared/parts.ts'
import { toChatName } from '../shared/tool-names.ts'
import { fromGeminiSchema } from './read-schema.ts'
import { type DeclarationParam, type GeminiBody, MAX_TOOLS } from './request-schema.ts'

export interface ReadTools extends Pick<RequestSource, 'requires' | 'requiresSearch' | 'offersSearch'> {
  readonly chat: Partial<Chat>
  readonly dropped: readonly string[]
  /** Where the tools of the chat stand. */
  readonly paths: readonly string[]
}

/** A function, and where it stands. */
interface Declared {
  readonly declaration: DeclarationParam
  readonly path: string
}

interface Search {
  readonly options: JsonObject
  readonly path: string
}

/** Google's search of the web, under its present name and its first. */
const SEARCHES: ReadonlySet<string> = new Set(['googleSearch', 'googleSearchRetrieval'])
/** Members that say something about answers of functions, or how they are waited for: a model calls them without that too. */
const KNOWN_MEMBERS: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'parametersJsonSchema'])

/** @throws Failure for too many functions, and for a choice of functions that there are not. */
export function readTools({ tools, toolConfig }: GeminiBody): ReadTools {
  const declared: Declared[] = []
  const dropped = new Set<string>()
  let search: Search | undefined
  let requires: Failure | undefined
  for (const [at, tool] of (tools ?? []).entries()) {
    for (const [name, value] of Object.entries(tool)) {
      const path = `tools[${at}].${name}`
      if (!isPresent(value)) continue
      if (name === 'functionDeclarations') {
        for (const [index, declaration] of (tool.functionDeclarations ?? []).entries()) {
          declared.push({ declaration, path: `${path}[${index}]` })
          for (const member of Object.keys(declaration)) {
            if (!KNOWN_MEMBERS.has(member)) dropped.add(`tools.functionDeclarations.${member}`)
          }
        }
      } else if (SEARCHES.has(name)) search ??= { options: isJsonObject(value) ? value : {}, path }
      else requires ??= unsupportedContent(path, `the tool '${quoted(name)}'`)
    }
  }
  if (declared.length > MAX_TOOLS) {
    throw new Failure('invalid-value', `'tools' must hold at most ${MAX_TOOLS} functions.`, { param: 'tools' })
  }
  const { functionCallingConfig: calling, ...others } = toolConfig ?? {}
  for (const [name, value] of Object.entries(others)) if (isPresent(value)) dropped.add(`toolConfig.${name}`)
  const chosen = chooseTools(declared, calling ?? {})
  const read = search === undefined ? {} : readSearch(search, declared)
  return {
    ...read,
    ...(requires === undefined ? {} : { requires }),
    chat: { ...chosen.chat, ...read.chat },
    dropped: [...dropped, ...(read.dropped ?? [])],
    paths: chosen.paths,
  }
}

type CallingConfig = NonNullable<NonNullable<GeminiBody['toolConfig']>['functionCallingConfig']>

/** Some clients send their numbers. */
const MODES = ['MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED']
const MODES_PATH = 'toolConfig.functionCallingConfig'

/** Of functions of which only some are allowed the others are left out: few APIs have a choice among several. */
function chooseTools(declared: readonly Declared[], { mode: given, allowedFunctionNames }: CallingConfig) {
  const mode = MODES[Number(given)] ?? String(given ?? 'AUTO').toUpperCase()
  const allowed = new Set(mode === 'ANY' || mode === 'VALIDATED' ? allowedFunctionNames : [])
  const names = new Set(declared.map(({ declaration }) => declaration.name))
  const missing = [...allowed].find((name) => !names.has(name))
  if (missing !== undefined) {
    const param = `${MODES_PATH}.allowedFunctionNames`
    throw new Failure('invalid-value', `'${param}' names '${quoted(missing)}', which is not in 'tools'.`, { param })
  }
  const [only] = allowed
  const isNamed = mode === 'ANY' && allowed.size === 1 && only !== undefined
  const offered =
    allowed.size === 0 || isNamed ? declared : declared.filter(({ declaration }) => allowed.has(declaration.name))
  const choice = isNamed ? ({ type: 'function', function: { name: toChatName(only) } } as const) : CHOICES.get(mode)
  const isChoice = choice !== undefined && isPresent(given)
  const tools = offered.map((one) => toFunction(one, mode === 'VALIDATED'))
  const chat: Partial<Chat> = tools.length === 0 ? {} : { tools, ...(isChoice ? { tool_choice: choice } : {}) }
  return { chat, paths: offered.map(({ path }) => path) }
}

const CHOICES: ReadonlyMap<unknown, 'auto' | 'required' | 'none'> = new Map([
  ['AUTO', 'auto'],
  ['VALIDATED', 'auto'],
  ['ANY', 'required'],
  ['NONE', 'none'],
])

/** @param isValidated calls fit their schema, which is what OpenAI's strict functions promise. */
function toFunction({ declaration, path }: Declared, isValidated: boolean): Tool {
  const { name, description, parameters: own, parametersJsonSchema } = declaration
  const schema = own
    ? fromGeminiSchema(own, { path: `${path}.parameters`, isClosed: isValidated })
    : (parametersJsonSchema ?? undefined)
  // OpenAI refuses parameters that do not say that they are an object.
  const parameters = schema === undefined || schema.type || schema.$ref ? schema : { type: 'object', ...schema }
  const isStrict = isValidated && parameters !== undefined && isStrictSchema(parameters)
  const members = { description: description || undefined, parameters, strict: isStrict || undefined }
  return { type: 'function', function: { name: toChatName(name), ...omitNull(members) } }
}

/** A search alone is what the request is for. Beside functions an answer is right without it. */
function readSearch({ options, path }: Search, declared: readonly Declared[]): Partial<ReadTools> {
  const lost = Object.keys(options).filter((name) => isPresent(options[name]))
  if (declared.length === 0) {
    return {
      chat: { web_search_options: {} },
      requiresSearch: unsupportedContent(path, "the tool 'googleSearch'"),
      dropped: lost.map((name) => `${path}.${name}`),
    }
  }
  // What keeps it to some pages is for the client's safety, and no function may have the name of another maker's search.
  const isTaken = declared.some(({ declaration }) => declaration.name === 'web_search')
  if (lost.length > 0 || isTaken) return { dropped: [path] }
  return { offersSearch: { web_search_options: {}, path } }
}
