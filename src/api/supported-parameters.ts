import type { Deployment } from '../catalog/deployment.ts'
import { findProvider } from '../catalog/providers.ts'
import type { Traits } from '../formats/format.ts'
import type { OpenAIQuirks } from '../formats/openai-chat/write-request.ts'
import { policyFor, type TranslatedFormat } from '../formats/shared/parameters.ts'

type Condition = (traits: Traits) => boolean

const always: Condition = () => true
const samples: Condition = ({ temperature }) => temperature
const reasons: Condition = ({ reasoning }) => reasoning
const calls: Condition = ({ tools }) => tools
const structures: Condition = ({ jsonSchema }) => jsonSchema

/** OpenRouter's names for what a model can be asked for, each with what the model must have for it. */
const PARAMETERS: Readonly<Record<string, Condition>> = {
  max_tokens: always,
  stop: always,
  seed: always,
  logprobs: always,
  top_logprobs: always,
  temperature: samples,
  top_p: samples,
  top_k: samples,
  frequency_penalty: samples,
  presence_penalty: samples,
  logit_bias: samples,
  tools: calls,
  tool_choice: calls,
  parallel_tool_calls: calls,
  response_format: structures,
  structured_outputs: structures,
  reasoning: reasons,
  include_reasoning: reasons,
  reasoning_effort: ({ efforts }) => efforts !== undefined,
}

const NAMES = Object.keys(PARAMETERS)

/** The field of a request that carries what OpenRouter calls otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  structured_outputs: 'response_format',
  include_reasoning: 'reasoning',
}

const FORMATS: Readonly<Record<string, TranslatedFormat>> = {
  'anthropic-messages': 'anthropic',
  'openai-responses': 'responses',
  gemini: 'gemini',
  cohere: 'cohere',
  ollama: 'ollama',
}

/** Fields that become others, whatever a provider takes. */
const HANDLED: ReadonlySet<string> = new Set(['reasoning', 'reasoning_effort', 'max_tokens'])

/** What at least one of these deployments takes, by what the catalogue knows of the model and the format of the parameter. */
export function supportedParameters(deployments: readonly Deployment[]): readonly string[] {
  const all = new Set(deployments.flatMap(parametersOf))
  return NAMES.filter((name) => all.has(name))
}

/** A list asks for those of a thousand deployments. */
const known = new WeakMap<Deployment, readonly string[]>()

function parametersOf(deployment: Deployment): readonly string[] {
  const before = known.get(deployment)
  if (before !== undefined) return before
  const names = NAMES.filter(takerOf(deployment))
  known.set(deployment, names)
  return names
}

function takerOf({ provider: id, format, traits }: Deployment): (name: string) => boolean {
  const bound = findProvider(id)?.format
  const passes = passesOf(FORMATS[format ?? bound?.name ?? ''], (bound?.quirks ?? {}) as OpenAIQuirks, traits)
  return (name) => PARAMETERS[name]?.(traits) === true && passes(FIELDS[name] ?? name)
}

function passesOf(format: TranslatedFormat | undefined, quirks: OpenAIQuirks, { reasoning }: Traits) {
  if (format !== undefined) return (field: string) => policyFor(field, format) === 'translated'
  const { drop = [], refuse = [], reasoningDrop = [], reasoningRefuse = [], rename = {}, allowedParameters } = quirks
  const lacked = new Set([...drop, ...refuse, ...(reasoning ? [...reasoningDrop, ...reasoningRefuse] : [])])
  return (field: string) => {
    // Beside OpenAI's own parameters a server takes what it is known to take.
    if (allowedParameters === undefined) return field !== 'top_k' && !lacked.has(field)
    const isTaken = [field, rename[field] ?? field].some((name) => allowedParameters.has(name))
    return !lacked.has(field) && (isTaken || HANDLED.has(field))
  }
}
