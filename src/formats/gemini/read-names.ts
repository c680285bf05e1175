import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** The members of an object that have members of Google's own. What is not here is user data, whose names stay. */
interface Level {
  readonly [member: string]: Level
}

const PART: Level = {
  inlineData: {},
  fileData: {},
  functionCall: {},
  functionResponse: { parts: { inlineData: {}, fileData: {} } },
}
const CONTENT: Level = { parts: PART }
const REQUEST: Level = {
  contents: CONTENT,
  systemInstruction: CONTENT,
  tools: { functionDeclarations: {} },
  toolConfig: { functionCallingConfig: {} },
  generationConfig: { thinkingConfig: {} },
}
const EMBED: Level = { content: CONTENT, embedContentConfig: {} }
const BODY: Level = { ...REQUEST, ...EMBED, requests: EMBED, generateContentRequest: REQUEST }

/** Where a list is wanted, Google takes its only element too. */
const LISTS: ReadonlySet<string> = new Set(['contents', 'parts', 'tools', 'functionDeclarations', 'requests'])

/** A request in camel case: Google takes snake case too, wherever a name is its own (protobuf.dev, "ProtoJSON Format"). */
export function withCamelNames(body: JsonObject): JsonObject {
  return toCamel(body, BODY) as JsonObject
}

function toCamel(value: unknown, level: Level): unknown {
  if (!isJsonObject(value)) return value
  let changed: Map<string, unknown> | undefined
  const names = Object.keys(value)
  for (const given of names) {
    const name = camelName(given)
    const member = value[given]
    const inner = Object.hasOwn(level, name) ? membersOf(member, level[name] ?? {}, LISTS.has(name)) : member
    if (name === given && inner === member) continue
    changed ??= new Map(names.map((one) => [one, value[one]]))
    if (name !== given) changed.delete(given)
    // Where both spellings came, this one counts.
    if (name === given || !Object.hasOwn(value, name)) changed.set(name, inner)
  }
  return changed === undefined ? value : Object.fromEntries(changed)
}

function membersOf(value: unknown, level: Level, isList: boolean): unknown {
  if (!isList) return toCamel(value, level)
  if (isJsonObject(value)) return [toCamel(value, level)]
  if (!Array.isArray(value)) return value
  const list = value.map((element) => toCamel(element, level))
  return list.some((element, at) => element !== value[at]) ? list : value
}

/** Google's own names are shorter. */
const MAX_NAME_CHARACTERS = 64

/** `thought_signature` is `thoughtSignature`. */
export function camelName(name: string): string {
  if (!name.includes('_') || name.length > MAX_NAME_CHARACTERS || !/^[a-z]/.test(name)) return name
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
