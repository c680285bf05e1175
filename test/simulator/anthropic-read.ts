import { attachmentFromData } from './attachments.ts'
import type { Incoming } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import type { Attachment, Prompt, ToolResult } from './prompt.ts'
import { searchQuery } from './search.ts'
import { conversation, joined, type Turn } from './turns.ts'

/** Reads an Anthropic Messages request. */
export function readAnthropic({ body }: Incoming): Prompt {
  const messages = rowsOf(body.messages)
  const names = new Map(
    messages
      .flatMap(({ content }) => rowsOf(content))
      .filter(({ type }) => type === 'tool_use')
      .map(({ id, name }) => [textOf(id), textOf(name)]),
  )
  const choice = fieldsOf(body.tool_choice)
  const forced = choice?.type === 'tool' ? { names: [textOf(choice.name)] } : undefined
  const isSystem = ({ role }: Fields): boolean => role === 'system'
  const talk = conversation(
    joined([blocksText(body.system), ...messages.filter(isSystem).map(({ content }) => blocksText(content))]),
    messages.filter((message) => !isSystem(message)).map((message) => readTurn(message, names)),
  )
  const offered = rowsOf(body.tools)
  const search = offered.find(({ type }) => textOf(type).startsWith('web_search'))
  return {
    ...talk,
    model: textOf(body.model),
    offeredTools: offered.length,
    tools: offered.filter(isClientTool).map((tool) => ({
      name: textOf(tool.name),
      description: textOf(tool.description),
      parameters: fieldsOf(tool.input_schema) ?? {},
    })),
    toolChoice: forced ?? (choice?.type === 'any' ? 'required' : choice?.type === 'none' ? 'none' : 'auto'),
    parallelCalls: choice?.disable_parallel_tool_use !== true,
    answerSchema: fieldsOf(fieldsOf(fieldsOf(body.output_config)?.format)?.schema),
    reasoning: readThinking(body),
    // A forced call comes without a word before it.
    announcesCalls: forced === undefined && choice?.type !== 'any',
    maxTokens: numberOf(body.max_tokens),
    stop: listOf(body.stop_sequences).map(textOf),
    choices: 1,
    ...searchQuery(talk, {
      isOffered: search !== undefined && choice?.type !== 'none',
      isForced: choice?.type === 'tool' && choice.name === search?.name,
      tools: offered.length,
    }),
  }
}

// The client runs its own tools and some of Anthropic's; the others are run by the server.
function isClientTool({ type }: Fields): boolean {
  return type === undefined || type === null || /^(custom$|bash|text_editor|computer|memory)/.test(textOf(type))
}

function readThinking(body: Fields): Prompt['reasoning'] {
  const thinking = fieldsOf(body.thinking)
  if (thinking?.type === 'enabled') {
    const budget = numberOf(thinking.budget_tokens) ?? 0
    return budget > 8192 ? 'high' : budget > 2048 ? 'medium' : 'low'
  }
  if (thinking?.type !== 'adaptive') return 'off'
  const effort = textOf(fieldsOf(body.output_config)?.effort)
  return effort === 'low' || effort === 'medium' ? effort : 'high'
}

/** The text of a content, be it a string or blocks. */
function blocksText(content: unknown): string {
  if (typeof content === 'string') return content
  return joined(rowsOf(content).map((block) => (block.type === 'text' ? textOf(block.text) : '')))
}

function readTurn(message: Fields, names: Map<string, string>): Turn {
  const blocks = rowsOf(message.content)
  const results = blocks.filter(({ type }) => type === 'tool_result').map((block) => readResult(block, names))
  const inResults = blocks.flatMap(({ content }) => rowsOf(content))
  return {
    role: message.role === 'assistant' ? 'assistant' : 'user',
    text: blocksText(message.content),
    attachments: [...blocks, ...inResults].flatMap(readAttachment),
    results,
  }
}

function readResult(block: Fields, names: Map<string, string>): ToolResult {
  return {
    name: names.get(textOf(block.tool_use_id)) ?? 'unknown tool',
    text: blocksText(block.content),
    isError: block.is_error === true,
  }
}

function readAttachment(block: Fields): Attachment[] {
  if (block.type !== 'image' && block.type !== 'document') return []
  const source = fieldsOf(block.source) ?? {}
  const named = typeof block.title === 'string' ? { name: block.title } : {}
  const mediaType = textOf(source.media_type)
  if (source.type === 'base64') return [{ ...attachmentFromData(block.type, mediaType, textOf(source.data)), ...named }]
  if (source.type === 'text') {
    return [{ kind: block.type, mediaType, bytes: Buffer.byteLength(textOf(source.data)), ...named }]
  }
  return [{ kind: block.type, url: textOf(source.url) || textOf(source.file_id), ...named }]
}
