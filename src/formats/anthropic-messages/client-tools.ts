import type { JsonObject } from '../shared/fields.ts'
import type { ToolParam } from './request-schema.ts'

/** Tools that Anthropic defines and the client runs: its models know them by name, the others as functions. */

const TEXT = { type: 'string' }
const NUMBER = { type: 'integer' }

/** The members of the tools that edit files. */
const EDITING = {
  path: TEXT,
  file_text: { ...TEXT, description: 'create: the whole file' },
  old_str: { ...TEXT, description: 'str_replace: a text that stands in the file exactly once' },
  new_str: { ...TEXT, description: 'str_replace: what stands there then' },
  insert_line: { ...NUMBER, description: 'insert: the number of the line to insert after, 0 for the beginning' },
  insert_text: { ...TEXT, description: 'insert: the text' },
  view_range: { type: 'array', items: NUMBER, description: 'view: the first and the last line, from 1; -1 is the end' },
}

function commands(names: readonly string[], members: JsonObject, required: readonly string[]): JsonObject {
  return {
    type: 'object',
    properties: { command: { type: 'string', enum: names }, ...members },
    required: ['command', ...required],
  }
}

/** By what their types begin with (platform.claude.com, "Bash tool", "Text editor tool", "Memory tool"). */
const CLIENT_TOOLS: readonly (readonly [RegExp, string, JsonObject])[] = [
  [
    /^bash_\d/,
    'Runs a command in a bash session that stays open between calls.',
    {
      type: 'object',
      properties: { command: TEXT, restart: { type: 'boolean', description: 'Starts a new session instead.' } },
    },
  ],
  [
    /^text_editor_\d/,
    'Views and edits text files. `view` also lists a directory.',
    commands(['view', 'create', 'str_replace', 'insert'], EDITING, ['path']),
  ],
  [
    /^memory_\d/,
    'Keeps notes as files below /memories, which outlast the conversation. View that directory before anything else.',
    commands(
      ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'],
      { ...EDITING, old_path: TEXT, new_path: { ...TEXT, description: 'rename: the new path of old_path' } },
      [],
    ),
  ],
]

/** The tool as a client would declare it itself; undefined for one that other models cannot be given. */
export function asOwnTool(tool: ToolParam): ToolParam | undefined {
  const known = CLIENT_TOOLS.find(([types]) => types.test(tool.type ?? ''))
  return known && { ...tool, description: known[1], input_schema: known[2] }
}
