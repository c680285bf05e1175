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
  const members: [string, unknown][] = []
  let isChanged = false
  for (const [given, member] of Object.entries(value)) {
    const name = camelName(given)
    if (name !== given && Object.hasOwn(value, name)) {
      isChanged = true
      continue
    }
    const inner = Object.hasOwn(level, name) ? membersOf(member, level[name] ?? {}, LISTS.has(name)) : member
    members.push([name, inner])
    isChanged ||= name !== given || inner !== member
  }
  return isChanged ? Object.fromEntries(members) : value
}

function membersOf(value: unknown, level: Level, isList: boolean): unknown {
  if (!isList) return toCamel(value, level)
  if (isJsonObject(value)) return [toCamel(value, level)]
  if (!Array.isArray(value)) return value
  const list = value.map((element) => toCamel(element, level))
  return list.some((element, at) => element !== value[at]) ? list : value
}

/** `thought_signature` is `thoughtSignature`. */
export function camelName(name: string): string {
  return /^[a-z]\w*_/.test(name) ? name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) : name
}
