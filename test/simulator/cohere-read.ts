import { attachmentFromUrl } from './attachments.ts'
import type { Incoming } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import type { Attachment, Prompt } from './prompt.ts'
import { conversation, joined, type Turn } from './turns.ts'

/** Reads a Cohere chat request. */
export function readCohere({ body }: Incoming): Prompt {
  const messages = rowsOf(body.messages)
  const isSystem = ({ role }: Fields): boolean => role === 'system'
  const names = new Map(
    messages
      .flatMap((message) => rowsOf(message.tool_calls))
      .map((call) => [textOf(call.id), textOf(fieldsOf(call.function)?.name)]),
  )
  const format = fieldsOf(body.response_format)
  const schema = fieldsOf(format?.json_schema) ?? fieldsOf(format?.schema) ?? true
  const thinking = fieldsOf(body.thinking)
  return {
    ...conversation(
      joined(messages.filter(isSystem).map(({ content }) => partsText(content))),
      messages.filter((message) => !isSystem(message)).map((message) => readTurn(message, names)),
    ),
    model: textOf(body.model),
    tools: rowsOf(body.tools).map((tool) => {
      const definition = fieldsOf(tool.function) ?? {}
      return {
        name: textOf(definition.name),
        description: textOf(definition.description),
        parameters: fieldsOf(definition.parameters) ?? {},
      }
    }),
    toolChoice: body.tool_choice === 'REQUIRED' ? 'required' : body.tool_choice === 'NONE' ? 'none' : 'auto',
    parallelCalls: true,
    answerSchema: format?.type === 'json_object' ? schema : undefined,
    reasoning:
      thinking?.type === 'enabled' ? ((numberOf(thinking.token_budget) ?? 0) > 4096 ? 'high' : 'medium') : 'off',
    announcesCalls: true,
    maxTokens: numberOf(body.max_tokens),
    stop: listOf(body.stop_sequences).map(textOf),
    choices: 1,
  }
}

function partsText(content: unknown): string {
  if (typeof content === 'string') return content
  return joined(rowsOf(content).map((part) => textOf(part.text) || documentText(part.document)))
}

function documentText(document: unknown): string {
  const data = fieldsOf(document)?.data
  if (data === undefined) return ''
  const values = Object.values(fieldsOf(data) ?? {})
  const single = values.length === 1 ? values[0] : data
  return typeof single === 'string' ? single : JSON.stringify(single)
}

function readTurn(message: Fields, names: Map<string, string>): Turn {
  const text = partsText(message.content)
  if (message.role === 'tool') {
    const name = names.get(textOf(message.tool_call_id)) ?? 'unknown tool'
    return { role: 'user', text: '', attachments: [], results: [{ name, text, isError: false }] }
  }
  const attachments = rowsOf(message.content).flatMap((part): Attachment[] => {
    const image = fieldsOf(part.image_url)
    return image === undefined ? [] : [attachmentFromUrl('image', textOf(image.url))]
  })
  return { role: message.role === 'assistant' ? 'assistant' : 'user', text, attachments, results: [] }
}
