import type { Chat } from '../../chat/request.ts'
import { isJsonObject, jsonObjectsIn } from './fields.ts'

/** OpenAI's `allowed_tools` choice: the tools that may be called, and whether one must be. Undefined for other choices. */
export function allowedTools(
  choice: Chat['tool_choice'],
): { readonly names: ReadonlySet<unknown>; readonly mode: 'auto' | 'required' } | undefined {
  if (!isJsonObject(choice) || choice.type !== 'allowed_tools' || !isJsonObject(choice.allowed_tools)) return undefined
  const { tools, mode } = choice.allowed_tools
  const names = new Set(
    jsonObjectsIn(tools).map((tool) => (isJsonObject(tool.function) ? tool.function.name : tool.name)),
  )
  return { names, mode: mode === 'required' ? 'required' : 'auto' }
}

export const UNKNOWN_TOOL_MESSAGE = "'tool_choice' names only tools that are not in 'tools'."
