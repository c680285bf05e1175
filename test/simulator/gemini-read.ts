import { attachmentFromData, kindOfMedia } from './attachments.ts'
import type { Incoming } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, objectsIn, rowsOf, textOf } from './json.ts'
import type { Attachment, Prompt } from './prompt.ts'
import { searchQuery } from './search.ts'
import { conversation, joined, type Turn } from './turns.ts'

/** The model that the path names. */
export function geminiModel({ path }: Incoming): string {
  return decodeURIComponent(/\/models\/([^/]+?)(?::|%3A)/i.exec(path)?.[1] ?? '')
}

/** Reads a generateContent request. */
export function readGemini(incoming: Incoming): Prompt {
  const { body } = incoming
  const generation = fieldsOf(body.generationConfig) ?? {}
  const calling = fieldsOf(fieldsOf(body.toolConfig)?.functionCallingConfig) ?? {}
  const system = partsText(fieldsOf(body.systemInstruction)?.parts)
  const talk = conversation(system, rowsOf(body.contents).map(readTurn))
  const offered = rowsOf(body.tools)
  return {
    ...talk,
    model: geminiModel(incoming),
    tools: offered
      .flatMap((tool) => rowsOf(tool.functionDeclarations))
      .map((declaration) => ({
        name: textOf(declaration.name),
        description: textOf(declaration.description),
        parameters: fieldsOf(declaration.parametersJsonSchema) ?? fieldsOf(declaration.parameters) ?? {},
      })),
    toolChoice: readMode(calling),
    parallelCalls: true,
    answerSchema: readFormat(generation),
    reasoning: readThinking(fieldsOf(generation.thinkingConfig) ?? {}),
    announcesCalls: false,
    maxTokens: numberOf(generation.maxOutputTokens),
    stop: listOf(generation.stopSequences).map(textOf),
    choices: Math.min(Math.max(numberOf(generation.candidateCount) ?? 1, 1), 8),
    ...searchQuery(talk, {
      isOffered: offered.some((tool) => 'googleSearch' in tool || 'googleSearchRetrieval' in tool),
      isForced: false,
      tools: offered.length,
    }),
  }
}

function partsText(parts: unknown): string {
  return joined(rowsOf(parts).map((part) => (part.thought === true ? '' : textOf(part.text))))
}

function readTurn(content: Fields): Turn {
  const parts = rowsOf(content.parts)
  const responses = objectsIn(parts.map((part) => part.functionResponse))
  return {
    role: content.role === 'model' ? 'assistant' : 'user',
    text: partsText(parts),
    attachments: [...parts, ...responses.flatMap((response) => rowsOf(response.parts))].flatMap(readAttachment),
    results: responses.map((response) => ({
      name: textOf(response.name),
      text: resultText(fieldsOf(response.response) ?? {}),
      isError: fieldsOf(response.response)?.error !== undefined,
    })),
  }
}

// A single text in its wrapping object is the result itself.
function resultText(response: Fields): string {
  const values = Object.values(response)
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : JSON.stringify(response)
}

function readAttachment(part: Fields): Attachment[] {
  const inline = fieldsOf(part.inlineData)
  if (inline !== undefined) {
    const mediaType = textOf(inline.mimeType)
    return [attachmentFromData(kindOfMedia(mediaType), mediaType, textOf(inline.data))]
  }
  const file = fieldsOf(part.fileData)
  if (file === undefined) return []
  const mediaType = textOf(file.mimeType)
  return [{ kind: kindOfMedia(mediaType), url: textOf(file.fileUri), ...(mediaType === '' ? {} : { mediaType }) }]
}

function readMode(calling: Fields): Prompt['toolChoice'] {
  if (calling.mode === 'NONE') return 'none'
  const names = listOf(calling.allowedFunctionNames).map(textOf)
  if (calling.mode !== 'ANY') return 'auto'
  return names.length > 0 ? { names } : 'required'
}

function readFormat(generation: Fields): Prompt['answerSchema'] {
  if (generation.responseMimeType !== 'application/json') return undefined
  return fieldsOf(generation.responseJsonSchema) ?? fieldsOf(generation.responseSchema) ?? true
}

function readThinking(thinking: Fields): Prompt['reasoning'] {
  const level = textOf(thinking.thinkingLevel).toLowerCase()
  const budget = numberOf(thinking.thinkingBudget)
  if (level === 'high' || (budget ?? 0) > 8192) return 'high'
  if (level === 'medium' || (budget ?? 0) > 1024 || budget === -1) return 'medium'
  if (level !== '' || (budget ?? 0) > 0) return 'low'
  return thinking.includeThoughts === true && budget !== 0 ? 'medium' : 'off'
}
