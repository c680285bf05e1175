import { attachmentFromData, attachmentFromUrl } from './attachments.ts'
import type { Incoming } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import { readEffort } from './openai-read.ts'
import type { Attachment, Prompt, Tool } from './prompt.ts'
import { callIdOf, conversationItems, typeOf } from './responses-input.ts'
import { searchQuery } from './search.ts'
import { conversation, joined, type Turn } from './turns.ts'

/** Reads a request of OpenAI's Responses. */
export function readResponses(incoming: Incoming): Prompt {
  const { body, slot } = incoming
  const read = conversationItems(incoming)
  const items = 'items' in read ? read.items : []
  const isSystem = ({ role }: Fields): boolean => role === 'system' || role === 'developer'
  const names = new Map(items.filter(isCall).map((item) => [callIdOf(item), textOf(item.name) || typeOf(item)]))
  const system = joined([textOf(body.instructions), ...items.filter(isSystem).map((item) => partsText(item.content))])
  const talk = conversation(
    system,
    items.filter((item) => !isSystem(item)).flatMap((item) => readItem(item, names)),
  )
  const offered = [...rowsOf(body.tools), ...items.flatMap((item) => rowsOf(item.tools))]
  const tools = offered.flatMap((tool) => readTool(tool))
  const isSearch = ({ type }: Fields): boolean => /^web_search/.test(textOf(type))
  return {
    ...talk,
    model: textOf(body.model),
    tools,
    offeredTools: Math.max(offered.length, tools.length),
    toolChoice: readChoice(body.tool_choice),
    parallelCalls: body.parallel_tool_calls !== false,
    answerSchema: readFormat(fieldsOf(fieldsOf(body.text)?.format)),
    reasoning: readEffort(body, slot),
    announcesCalls: false,
    maxTokens: numberOf(body.max_output_tokens),
    stop: [],
    choices: 1,
    ...searchQuery(talk, {
      isOffered: offered.some(isSearch) && body.tool_choice !== 'none',
      isForced: isSearch(fieldsOf(body.tool_choice) ?? {}),
      tools: offered.length,
    }),
  }
}

function isCall(item: Fields): boolean {
  return typeOf(item).endsWith('_call')
}

function readItem(item: Fields, names: Map<string, string>): Turn[] {
  const type = typeOf(item)
  const turn: Turn = { role: 'user', text: '', attachments: [], results: [] }
  if (type === 'message') {
    const role = item.role === 'assistant' ? 'assistant' : 'user'
    return [{ ...turn, role, text: partsText(item.content), attachments: rowsOf(item.content).flatMap(readAttachment) }]
  }
  if (isCall(item)) return [{ ...turn, role: 'assistant' }]
  if (!type.endsWith('_call_output')) return []
  const { output } = item
  const text = typeof output === 'string' ? output : Array.isArray(output) ? partsText(output) : JSON.stringify(output)
  const name = names.get(callIdOf(item)) ?? 'unknown tool'
  const results = [{ name, text: text ?? '', isError: false }]
  return [{ ...turn, attachments: rowsOf(output).flatMap(readAttachment), results }]
}

function partsText(content: unknown): string {
  if (typeof content === 'string') return content
  return joined(rowsOf(content).map((part) => textOf(part.text) || textOf(part.refusal)))
}

function readAttachment(part: Fields): Attachment[] {
  switch (part.type) {
    case 'input_image':
      return [attachmentFromUrl('image', textOf(part.image_url) || textOf(part.file_id))]
    case 'input_audio': {
      const audio = fieldsOf(part.input_audio) ?? {}
      return [attachmentFromData('audio', `audio/${textOf(audio.format)}`, textOf(audio.data))]
    }
    case 'input_file': {
      const name = textOf(part.filename) || textOf(part.file_id)
      const url = textOf(part.file_data) || textOf(part.file_url)
      return [attachmentFromUrl('document', url, name === '' ? undefined : name)]
    }
    default:
      return []
  }
}

function readTool(tool: Fields, namespace?: string): Tool[] {
  if (tool.type === 'namespace') return rowsOf(tool.tools).flatMap((inner) => readTool(inner, textOf(tool.name)))
  if (tool.type !== 'function' && tool.type !== 'custom') return []
  return [
    {
      name: textOf(tool.name),
      description: textOf(tool.description),
      parameters: fieldsOf(tool.parameters) ?? {},
      ...(tool.type === 'custom' ? { custom: true } : {}),
      ...(namespace === undefined ? {} : { namespace }),
    },
  ]
}

function readChoice(choice: unknown): Prompt['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice
  const fields = fieldsOf(choice)
  const name = textOf(fields?.name)
  if (name !== '') return { names: [name] }
  if (fields?.type !== 'allowed_tools') return 'auto'
  const names = rowsOf(fields.tools).map((tool) => textOf(tool.name))
  return fields.mode === 'required' ? { names } : 'auto'
}

function readFormat(format: Fields | undefined): Prompt['answerSchema'] {
  if (format?.type === 'json_object') return true
  return format?.type === 'json_schema' ? (fieldsOf(format.schema) ?? true) : undefined
}

/** Whether the request wants this in its answer too. */
export function includes({ body }: Incoming, what: string): boolean {
  return listOf(body.include).includes(what)
}
