import { attachmentFromData, attachmentFromUrl } from './attachments.ts'
import type { Incoming } from './dialect.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import type { Attachment, Prompt, Tool } from './prompt.ts'
import { searchQuery } from './search.ts'
import { conversation, joined, type Turn } from './turns.ts'

const REASONING_MODELS = /^(o\d|gpt-5(?!\.[1-4]))|codex|reason|think|-r1\b/

/** Reads an OpenAI chat request. */
export function readOpenai(incoming: Incoming): Prompt {
  const { body, slot } = incoming
  const messages = rowsOf(body.messages)
  const isSystem = ({ role }: Fields): boolean => role === 'system' || role === 'developer'
  const system = joined(messages.filter(isSystem).map((message) => contentText(message.content)))
  const names = callNames(messages)
  const turns = messages.filter((message) => !isSystem(message)).map((message) => readTurn(message, names))
  const talk = conversation(system, turns)
  return {
    ...talk,
    model: textOf(body.model),
    tools: rowsOf(body.tools).map(readTool),
    toolChoice: readChoice(body.tool_choice),
    parallelCalls: body.parallel_tool_calls !== false,
    answerSchema: readFormat(fieldsOf(body.response_format)),
    reasoning: readEffort(body, slot),
    announcesCalls: false,
    maxTokens: numberOf(body.max_completion_tokens) ?? numberOf(body.max_tokens),
    stop: typeof body.stop === 'string' ? [body.stop] : listOf(body.stop).map(textOf),
    choices: Math.min(Math.max(numberOf(body.n) ?? 1, 1), 128),
    ...searchQuery(talk, { isOffered: body.web_search_options !== undefined, isForced: true, tools: 0 }),
  }
}

/** The text of a content, be it a string or parts. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return joined(rowsOf(content).map((part) => textOf(part.text) || textOf(part.refusal)))
}

function callNames(messages: Fields[]): Map<string, string> {
  const calls = messages.flatMap((message) => rowsOf(message.tool_calls))
  return new Map(calls.map((call) => [textOf(call.id), textOf(fieldsOf(call.function ?? call.custom)?.name)]))
}

function readTurn(message: Fields, names: Map<string, string>): Turn {
  const text = contentText(message.content)
  const turn: Turn = { role: 'user', text, attachments: [], results: [] }
  if (message.role === 'assistant') return { ...turn, role: 'assistant' }
  if (message.role === 'tool' || message.role === 'function') {
    const name = names.get(textOf(message.tool_call_id)) ?? textOf(message.name)
    return { ...turn, text: '', results: [{ name, text, isError: false }] }
  }
  return { ...turn, attachments: rowsOf(message.content).flatMap(readAttachment) }
}

function readAttachment(part: Fields): Attachment[] {
  const image = part.image_url
  if (image !== undefined) return [attachmentFromUrl('image', textOf(fieldsOf(image)?.url) || textOf(image))]
  const audio = fieldsOf(part.input_audio)
  if (audio !== undefined) return [attachmentFromData('audio', `audio/${textOf(audio.format)}`, textOf(audio.data))]
  const file = fieldsOf(part.file)
  if (file === undefined) return []
  const name = textOf(file.filename) || textOf(file.file_id)
  return [attachmentFromUrl('document', textOf(file.file_data), name === '' ? undefined : name)]
}

function readTool(tool: Fields): Tool {
  const custom = fieldsOf(tool.custom)
  const definition = custom ?? fieldsOf(tool.function) ?? {}
  return {
    name: textOf(definition.name),
    description: textOf(definition.description),
    parameters: fieldsOf(definition.parameters) ?? {},
    ...(custom === undefined ? {} : { custom: true }),
  }
}

function readChoice(choice: unknown): Prompt['toolChoice'] {
  if (choice === 'none') return 'none'
  if (choice === 'required' || choice === 'any') return 'required'
  const fields = fieldsOf(choice)
  const name = textOf(fieldsOf(fields?.function ?? fields?.custom)?.name)
  if (name !== '') return { names: [name] }
  const allowed = fieldsOf(fields?.allowed_tools)
  return allowed?.mode === 'required' ? 'required' : 'auto'
}

function readFormat(format: Fields | undefined): Prompt['answerSchema'] {
  if (format?.type === 'json_object') return true
  if (format?.type !== 'json_schema') return undefined
  return fieldsOf(fieldsOf(format.json_schema)?.schema) ?? fieldsOf(format.schema) ?? true
}

/** How hard the model is to think. */
export function readEffort(body: Fields, slot: string): Prompt['reasoning'] {
  const effort = textOf(body.reasoning_effort) || textOf(fieldsOf(body.reasoning)?.effort)
  if (effort === 'none' || fieldsOf(body.thinking)?.type === 'disabled') return 'off'
  if (effort === 'low' || effort === 'minimal') return 'low'
  if (effort === 'medium') return 'medium'
  if (effort !== '') return 'high'
  const asked = fieldsOf(body.thinking)?.type === 'enabled' || body.enable_thinking === true
  // Without being asked only models made for it reason, and OpenAI's names mean nothing elsewhere.
  const native =
    REASONING_MODELS.test(textOf(body.model)) &&
    (flavourOf(slot).reasoning === 'hidden' || !/^(o\d|gpt)/.test(textOf(body.model)))
  return asked || native ? 'medium' : 'off'
}
