import { fieldsOf, listOf, textOf } from './json.ts'
import type { Prompt, Tool } from './prompt.ts'
import { materialOf, sampleArguments } from './sample.ts'
import type { PlannedCall } from './script.ts'

const EMPTY_WORDS = new Set(
  'a an and are as at by call can current did do does for from function get give has how i in into is it list make me my of on or please return show tell that the their this to tool use user was what when which who will with you your'.split(
    ' ',
  ),
)

// Nobody has so many but an agent, and an agent's prompts are full of words that fit a tool.
const AGENT_TOOLS = 10

/** Which functions to call for this instruction: forced ones, or those whose words the instruction shares. */
export function decideCalls(prompt: Prompt, instruction: string): PlannedCall[] {
  const choice = prompt.toolChoice
  if (choice === 'none' || prompt.tools.length === 0) return []
  const allowed =
    typeof choice === 'object' ? prompt.tools.filter(({ name }) => choice.names.includes(name)) : prompt.tools
  const byWords = (prompt.offeredTools ?? prompt.tools.length) < AGENT_TOOLS && prompt.script === undefined
  const wanted = byWords ? allowed.filter((tool) => isWanted(tool, instruction)) : []
  const forced = choice !== 'auto' && wanted.length === 0 ? allowed.slice(0, 1) : []
  const decisions = [...wanted, ...forced].flatMap((tool) => callsOf(tool, instruction))
  return prompt.parallelCalls ? decisions : decisions.slice(0, 1)
}

function isWanted(tool: Tool, instruction: string): boolean {
  const said = new Set(wordsOf(instruction))
  if (instruction.includes(tool.name)) return true
  if (wordsOf(tool.name).some((word) => said.has(word))) return true
  return new Set(wordsOf(tool.description).filter((word) => word.length > 3 && said.has(word))).size >= 2
}

function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => (word.length > 3 ? word.replace(/s$/, '') : word))
    .filter((word) => word !== '' && !EMPTY_WORDS.has(word))
}

// One free string and several names in the prompt mean one call for each name.
function callsOf(tool: Tool, instruction: string): PlannedCall[] {
  if (tool.custom === true) return [{ name: tool.name, arguments: instruction.trim(), custom: true }]
  const material = materialOf(instruction)
  const single = freeStrings(tool).length === 1 && material.strings.length > 1
  const portions = single ? material.strings.map((name) => ({ ...material, strings: [name] })) : [material]
  return portions.map((portion) => ({
    name: tool.name,
    ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
    arguments: JSON.stringify(
      sampleArguments(tool.parameters, { strings: [...portion.strings], numbers: [...portion.numbers] }),
    ),
  }))
}

function freeStrings(tool: Tool): string[] {
  const properties = fieldsOf(tool.parameters.properties) ?? {}
  const required = listOf(tool.parameters.required).map(textOf)
  return Object.keys(properties).filter((name) => {
    const property = fieldsOf(properties[name]) ?? {}
    const isText = textOf(property.type).toLowerCase() === 'string' && !('enum' in property)
    return isText && (required.length === 0 || required.includes(name))
  })
}
