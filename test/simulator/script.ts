import { fieldsOf, listOf, textOf } from './json.ts'
import type { Script, ScriptedCall } from './orders.ts'
import type { Prompt, Tool } from './prompt.ts'

const LISTED_NAMES = 20

/** A call to make: the arguments of a function as JSON, or the bare text for a custom tool. */
export interface PlannedCall {
  name: string
  arguments: string
  custom?: boolean
  namespace?: string
}

/** Calls, or a text; one that is given word for word is told apart from a complaint. */
export type Next = { calls: PlannedCall[] } | { text: string; isGiven: boolean }

/** What a script has the model do now: the calls of the next round, a text, or nothing more. */
export function nextOf(script: Script, prompt: Prompt): Next | undefined {
  if (script.problem !== undefined)
    return { text: `I cannot follow the instruction: ${script.problem}.`, isGiven: false }
  // Where only one call is allowed at a time, each has a round of its own.
  const rounds = prompt.parallelCalls ? script.rounds : script.rounds.flat().map((call) => [call])
  // A round counts as done once it has any result: nothing is ever called twice.
  let results = prompt.resultsSinceRequest
  for (const [at, round] of rounds.entries()) {
    if (results > 0) results -= round.length
    else return callsOf(round, at + 1, prompt)
  }
  return script.say === undefined ? undefined : { text: script.say, isGiven: true }
}

function callsOf(round: readonly ScriptedCall[], number: number, prompt: Prompt): Next {
  const calls: PlannedCall[] = []
  for (const { name, input } of round) {
    const tool = offered(name, prompt)
    if (tool === undefined) return { text: missing(name, prompt), isGiven: false }
    const text = argumentsOf(tool, input).replaceAll('%round%', String(number))
    const { custom, namespace } = tool
    calls.push({
      name: tool.name,
      arguments: text,
      ...(custom === true ? { custom } : {}),
      ...(namespace === undefined ? {} : { namespace }),
    })
  }
  return { calls }
}

/** The tool of this name, or the only one that has it behind a prefix such as a server's. */
function offered(name: string, { tools, toolChoice }: Prompt): Tool | undefined {
  if (toolChoice === 'none') return undefined
  const allowed = typeof toolChoice === 'object' ? tools.filter((tool) => toolChoice.names.includes(tool.name)) : tools
  const exact = allowed.find((tool) => tool.name === name || `${tool.namespace}.${tool.name}` === name)
  const ending = allowed.filter((tool) => ['__', '.', '/'].some((mark) => tool.name.endsWith(`${mark}${name}`)))
  return exact ?? (ending.length === 1 ? ending[0] : undefined)
}

function missing(name: string, { tools, toolChoice }: Prompt): string {
  if (toolChoice === 'none') return `I cannot call ${name}: calls are switched off in this request.`
  const names = tools.map((tool) => tool.name)
  const more = names.length > LISTED_NAMES ? ` and ${names.length - LISTED_NAMES} more` : ''
  const list = names.length === 0 ? 'none' : `${names.slice(0, LISTED_NAMES).join(', ')}${more}`
  return `I cannot call ${name}: no tool of this name is offered. Offered: ${list}.`
}

// A custom tool may reach a provider that has none as a function with one text, and the other way round.
function argumentsOf(tool: Tool, input: ScriptedCall['input']): string {
  if (tool.custom === true) {
    if (typeof input === 'string') return input
    return typeof input.input === 'string' ? input.input : JSON.stringify(input)
  }
  if (typeof input !== 'string') return JSON.stringify(input)
  const properties = Object.keys(fieldsOf(tool.parameters.properties) ?? {})
  const field = properties.length === 1 ? properties[0] : textOf(listOf(tool.parameters.required)[0])
  return JSON.stringify({ [field || 'input']: input })
}
