import * as z from 'zod/mini'
import { checkFields } from '../../chat/schema-faults.ts'
import { anyMap, boundedList, once, openObject, shaped } from '../../chat/schema-parts.ts'
import type { JsonObject } from '../shared/fields.ts'

/** The schema of a request (ai.google.dev, "GenerateContentRequest"), in camel case. Fields that we do not know pass. */

export interface ContentParam extends JsonObject {
  readonly role?: string | null
  readonly parts?: readonly PartParam[] | null
}

/** Each has one of these members, or one that only Google knows. */
export interface PartParam extends JsonObject {
  readonly text?: string | null
  readonly thought?: boolean | null
  readonly thoughtSignature?: string | null
  readonly inlineData?: BlobParam | null
  readonly fileData?: FileParam | null
  readonly functionCall?: CallParam | null
  readonly functionResponse?: ResponseParam | null
}

export interface BlobParam extends JsonObject {
  readonly mimeType: string
  readonly data: string
  readonly displayName?: string | null
}

export interface FileParam extends JsonObject {
  readonly fileUri: string
  readonly mimeType?: string | null
  readonly displayName?: string | null
}

export interface CallParam extends JsonObject {
  readonly name: string
  readonly id?: string | null
  readonly args?: JsonObject | null
}

export interface ResponseParam extends JsonObject {
  readonly name?: string | null
  readonly id?: string | null
  readonly response?: JsonObject | null
  readonly parts?: readonly PartParam[] | null
}

export interface DeclarationParam extends JsonObject {
  readonly name: string
  readonly description?: string | null
  readonly parameters?: JsonObject | null
  readonly parametersJsonSchema?: JsonObject | null
}

/** Some of the members are functions, the others are tools that Google runs. */
export interface ToolParam extends JsonObject {
  readonly functionDeclarations?: readonly DeclarationParam[] | null
}

export interface ConfigParam extends JsonObject {
  readonly responseMimeType?: string | null
  readonly responseSchema?: JsonObject | null
  readonly responseJsonSchema?: JsonObject | null
  /** Its name before. */
  readonly _responseJsonSchema?: JsonObject | null
  readonly stopSequences?: string[] | null
  readonly responseModalities?: readonly (string | number)[] | null
  readonly thinkingConfig?: JsonObject | null
}

/** What the schema has checked. */
export interface GeminiBody extends JsonObject {
  readonly contents: readonly ContentParam[]
  readonly systemInstruction?: ContentParam | null
  readonly tools?: readonly ToolParam[] | null
  readonly toolConfig?: {
    readonly functionCallingConfig?: {
      readonly mode?: string | number | null
      readonly allowedFunctionNames?: readonly string[] | null
    } | null
  } | null
  readonly generationConfig?: ConfigParam | null
}

/** Bounds that no honest client reaches. */
const MAX_CONTENTS = 10_000
const MAX_PARTS = 10_000
export const MAX_TOOLS = 2000
const MAX_STRINGS = 1000

const text = once(() => z.string())
const maybeText = once(() => z.nullish(text()))
const maybeMap = once(() => z.nullish(anyMap()))
const maybeBoolean = once(() => z.nullish(z.boolean()))
/** A value of an enumeration, by its name or its number. */
const word = once(() => z.union([text(), z.number()], { error: 'must be a string' }))
const maybeNumber = once(() => z.nullish(z.union([z.number(), text()], { error: 'must be a number' })))

const blob = once(() => openObject({ mimeType: text(), data: text(), displayName: maybeText() }))
const file = once(() => openObject({ fileUri: text(), mimeType: maybeText(), displayName: maybeText() }))
const resultPart = once(() =>
  openObject({ text: maybeText(), inlineData: z.nullish(blob()), fileData: z.nullish(file()) }),
)
const part = once(() =>
  openObject({
    text: maybeText(),
    thought: maybeBoolean(),
    thoughtSignature: maybeText(),
    inlineData: z.nullish(blob()),
    fileData: z.nullish(file()),
    functionCall: z.nullish(openObject({ name: text(), id: maybeText(), args: maybeMap() })),
    functionResponse: z.nullish(
      openObject({
        name: maybeText(),
        id: maybeText(),
        response: maybeMap(),
        parts: z.nullish(boundedList(resultPart, { max: MAX_PARTS })),
      }),
    ),
  }),
)
/** The last two are of older clients. */
const ROLES: ReadonlySet<string> = new Set(['user', 'model', 'function', ''])
const role = once(() =>
  shaped(
    text().check(({ value, issues }) => {
      if (!ROLES.has(value)) issues.push({ code: 'custom', input: value, message: 'must be "user" or "model"' })
    }),
    { values: ROLES },
  ),
)
const content = once(() =>
  openObject({ role: z.nullish(role()), parts: z.nullish(boundedList(part, { max: MAX_PARTS })) }),
)
/** Clients give it any role, or none: `system` is a role nowhere else. */
const instruction = once(() =>
  openObject({ role: maybeText(), parts: z.nullish(boundedList(part, { max: MAX_PARTS })) }),
)
const declaration = once(() =>
  openObject({ name: text(), description: maybeText(), parameters: maybeMap(), parametersJsonSchema: maybeMap() }),
)
const tool = once(() => openObject({ functionDeclarations: z.nullish(boundedList(declaration, { max: MAX_TOOLS })) }))
const callingConfig = once(() =>
  openObject({
    mode: z.nullish(word()),
    allowedFunctionNames: z.nullish(boundedList(text, { max: MAX_TOOLS })),
  }),
)

/** Fields that are checked here, with their schemas. */
export const SCHEMAS: Parameters<typeof checkFields>[1] = Object.entries({
  contents: once(() => boundedList(content, { min: 1, max: MAX_CONTENTS })),
  systemInstruction: once(() => z.nullish(instruction())),
  tools: once(() => z.nullish(boundedList(tool, { max: MAX_TOOLS }))),
  toolConfig: once(() => z.nullish(openObject({ functionCallingConfig: z.nullish(callingConfig()) }))),
  generationConfig: once(() =>
    z.nullish(
      openObject({
        responseMimeType: maybeText(),
        responseSchema: maybeMap(),
        responseJsonSchema: maybeMap(),
        _responseJsonSchema: maybeMap(),
        stopSequences: z.nullish(boundedList(text, { max: MAX_STRINGS })),
        responseModalities: z.nullish(boundedList(word, { max: MAX_STRINGS })),
        thinkingConfig: z.nullish(
          openObject({
            thinkingBudget: maybeNumber(),
            thinkingLevel: z.nullish(word()),
            includeThoughts: maybeBoolean(),
          }),
        ),
      }),
    ),
  ),
})
const REQUIRED: ReadonlySet<string> = new Set(['contents'])

/** @throws Failure whose `param` is the path of the first fault: `contents[1].parts[0].inlineData.data`. */
export function checkGeminiBody(body: JsonObject): GeminiBody {
  checkFields(body, SCHEMAS, REQUIRED)
  return body as GeminiBody
}
