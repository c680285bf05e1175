import type { Incoming, Trouble } from './dialect.ts'
import { checkContents } from './gemini-content-checks.ts'
import { checkLogprobs } from './gemini-logprobs.ts'
import { geminiModel } from './gemini-read.ts'
import { checkJsonSchema } from './gemini-schema.ts'
import { unknownName } from './gemini-shapes.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'

const FUNCTION_NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/
const MAX_STOP_SEQUENCES = 5
/** Gemma is asked as Gemini was before it signed its calls. */
const OPEN_MODEL_VERSION = 2.5
const MODES = [undefined, 'AUTO', 'ANY', 'NONE', 'VALIDATED', 'MODE_UNSPECIFIED']

/** What Gemini would refuse in a request. */
export function checkGemini(incoming: Incoming): Trouble | undefined {
  const locked = checkGeminiKey(incoming)
  if (locked !== undefined) return locked
  const { body } = incoming
  const unknown = unknownName(body)
  if (unknown !== undefined) return { status: 400, message: unknown }
  const model = geminiModel(incoming)
  if (model === 'missing-model') return { status: 404 }
  const open = model.startsWith('gemma')
  const version = open ? OPEN_MODEL_VERSION : Number(/gemini-(\d+(?:\.\d+)?)/.exec(model)?.[1] ?? 3)
  const generation = fieldsOf(body.generationConfig) ?? {}
  const message =
    checkGeneration(generation, model, version) ??
    checkLogprobs(generation, open ? model : undefined) ??
    checkTools(body, generation, version) ??
    checkContents(rowsOf(body.contents), version) ??
    checkSystem(fieldsOf(body.systemInstruction), open ? model : undefined)
  return message === undefined ? undefined : { status: 400, message }
}

/** What is wrong with the key, if anything. */
export function checkGeminiKey({ headers, query }: Incoming): Trouble | undefined {
  const key =
    headers['x-goog-api-key'] || query.get('key') || /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (!key) {
    const message =
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."
    return { status: 403, message }
  }
  return key === 'bad-key' ? { status: 400, reason: 'key' } : undefined
}

function checkGeneration(generation: Fields, model: string, version: number): string | undefined {
  const { temperature, candidateCount } = generation
  const heat = numberOf(temperature)
  const at = 'GenerateContentRequest.generation_config'
  if (heat !== undefined && (heat < 0 || heat > 2))
    return `* ${at}.temperature: temperature must be in the range [0.0, 2.0].`
  const topP = numberOf(generation.topP)
  if (topP !== undefined && (topP < 0 || topP > 1)) return `* ${at}.top_p: top_p must be in the range [0.0, 1.0].`
  const count = numberOf(candidateCount)
  if (count !== undefined && (count < 1 || count > 8)) return `* ${at}.candidate_count: must be in the range [1, 8].`
  const limit = numberOf(generation.maxOutputTokens)
  if (limit !== undefined && limit < 1) return `* ${at}.max_output_tokens: max_output_tokens must be positive.`
  if (listOf(generation.stopSequences).length > MAX_STOP_SEQUENCES) {
    return `* ${at}.stop_sequences: at most ${MAX_STOP_SEQUENCES} stop sequences are allowed.`
  }
  return checkFormat(generation) ?? checkThinking(fieldsOf(generation.thinkingConfig) ?? {}, model, version)
}

function checkFormat(generation: Fields): string | undefined {
  const { responseSchema, responseJsonSchema, responseMimeType } = generation
  if (responseSchema !== undefined && responseJsonSchema !== undefined) {
    return 'Only one of response_schema and response_json_schema may be set.'
  }
  const problem =
    responseJsonSchema === undefined ? undefined : checkJsonSchema(responseJsonSchema, 'response_json_schema')
  if (problem !== undefined) return problem
  const hasSchema = responseSchema !== undefined || responseJsonSchema !== undefined
  const structured = responseMimeType === 'application/json' || responseMimeType === 'text/x.enum'
  if (hasSchema && !structured) {
    return '* GenerateContentRequest.generation_config.response_schema: only allowed for enabled response mime types: application/json, text/x.enum.'
  }
  return undefined
}

function checkThinking(thinking: Fields, model: string, version: number): string | undefined {
  const { thinkingLevel: level, thinkingBudget } = thinking
  const budget = numberOf(thinkingBudget)
  if (level !== undefined && budget !== undefined)
    return 'You can only set only one of thinking budget and thinking level.'
  if (level !== undefined && version < 3) return 'Thinking level is not supported for this model.'
  if (level !== undefined && !['minimal', 'low', 'medium', 'high'].includes(textOf(level).toLowerCase())) {
    return `Invalid value at 'generation_config.thinking_config.thinking_level', "${textOf(level)}"`
  }
  if (Object.keys(thinking).length > 0 && version < 2.5)
    return 'Unable to submit request because thinking is not supported by this model.'
  if (budget === undefined) return undefined
  if (model.includes('pro') && budget === 0) return 'Budget 0 is invalid. This model only works in thinking mode.'
  const most = model.includes('pro') ? 32_768 : 24_576
  return budget < -1 || budget > most
    ? `The thinking budget ${budget} is invalid. Please choose a value between 0 and ${most}.`
    : undefined
}

function checkTools(body: Fields, generation: Fields, version: number): string | undefined {
  const tools = rowsOf(body.tools)
  const declarations = tools.flatMap((tool) => rowsOf(tool.functionDeclarations))
  for (const [at, declaration] of declarations.entries()) {
    const problem = checkDeclaration(declaration, version)
    if (problem !== undefined) return `* GenerateContentRequest.tools[0].function_declarations[${at}]${problem}`
  }
  const names = declarations.map(({ name }) => textOf(name))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return `Duplicate function declaration found: ${twice}`
  if (declarations.length > 0 && generation.responseMimeType === 'application/json' && version < 3) {
    return "Function calling with a response mime type: 'application/json' is unsupported"
  }
  const calling = fieldsOf(fieldsOf(body.toolConfig)?.functionCallingConfig)
  if (calling === undefined) return undefined
  const mode = calling.mode as string | undefined
  if (!MODES.includes(mode)) return `Invalid value at 'tool_config.function_calling_config.mode', "${String(mode)}"`
  if (declarations.length === 0) return 'Function calling config is set without function_declarations.'
  const allowed = listOf(calling.allowedFunctionNames).map(textOf)
  if (allowed.length > 0 && mode !== 'ANY' && mode !== 'VALIDATED') {
    return 'Allowed function names should only be set when the function calling mode is ANY or VALIDATED.'
  }
  const stray = allowed.find((name) => !names.includes(name))
  return stray === undefined ? undefined : `Function name ${stray} in allowed_function_names is not declared.`
}

function checkDeclaration(declaration: Fields, version: number): string | undefined {
  if (!FUNCTION_NAME.test(textOf(declaration.name))) {
    return '.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric, underscores, dots, colons or dashes, with a maximum length of 128.'
  }
  const { parametersJsonSchema } = declaration
  const problem =
    parametersJsonSchema === undefined ? undefined : checkJsonSchema(parametersJsonSchema, '.parameters_json_schema')
  if (problem !== undefined) return `: ${problem}`
  const schema = fieldsOf(declaration.parameters)
  if (schema === undefined) return undefined
  if (declaration.parametersJsonSchema !== undefined) return ': parameters and parameters_json_schema are exclusive.'
  const empty = Object.keys(fieldsOf(schema.properties) ?? {}).length === 0
  return version < 2.5 && textOf(schema.type).toUpperCase() === 'OBJECT' && empty
    ? '.parameters.properties: should be non-empty for OBJECT type'
    : undefined
}

function checkSystem(system: Fields | undefined, openModel: string | undefined): string | undefined {
  if (system === undefined) return undefined
  if (openModel !== undefined) return `Developer instruction is not enabled for models/${openModel}`
  const filled = rowsOf(system.parts).some((part) => textOf(part.text) !== '')
  return filled ? undefined : '* GenerateContentRequest.system_instruction.parts: must not be empty.'
}
