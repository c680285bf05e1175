import type { Modality, Traits } from '../formats/format.ts'
import type { Deployment, Model, Price } from './deployment.ts'

/**
 * A model as one line of models.json:
 *
 *     id|owner|released|aliases|deployment|deployment…
 *     deployment = provider upstream context output modalities flags reasoning price
 *
 * For a model that makes vectors the field of its output holds how long they are. `=` at the end of an upstream id stands for the public id, `-` for an empty field. Lines are strings for two reasons: a
 * Worker that starts pays for every object in a JSON literal, and a reviewer reads a diff line by line.
 */
export type Row = string

const MODALITIES = new Map<string, Modality>([
  ['t', 'text'],
  ['i', 'image'],
  ['a', 'audio'],
  ['v', 'video'],
  ['p', 'pdf'],
  ['e', 'embedding'],
])
/** Traits that only a few models have. */
const RARE_TRAITS = [
  ['s', 'noSystem'],
  ['f', 'noForcedTool'],
  ['g', 'signsCalls'],
  ['o', 'opensThinking'],
] as const
/** The one format that some deployments are offered in; in a row its letter is among the flags. */
const ONLY_FORMATS = [
  ['R', 'openai-responses'],
  ['C', 'openai-completions'],
] as const
export type OnlyFormat = (typeof ONLY_FORMATS)[number][1]
/** It makes shorter vectors where it is asked to. */
const SHORTENS_FLAG = 'd'
const EMPTY = '-'

/** A model and the names that lead to it. */
export interface CatalogEntry {
  model: Model
  released: string
  aliases: readonly string[]
}

/** Reads one line without checks: the generator writes the lines, and a test reads them all. */
export function parseRow(row: Row): Model {
  const [id = '', owner = '', released = '', , ...deployments] = row.split('|')
  return {
    id,
    owner,
    created: Date.parse(released) / 1000,
    deployments: deployments.map((text) => parseDeployment(text.split(' '), id)),
  }
}

function parseDeployment(fields: readonly string[], id: string): Deployment {
  const [provider = '', upstream = '', context, output, modalities = '', flags = '', reasoning = '', price = ''] =
    fields
  const abilities = readAbilities(modalities, flags)
  const embedding = readEmbedding(abilities.output, Number(output), flags)
  const outputTokens = embedding === undefined ? Number(output) : 0
  const traits = { contextTokens: Number(context), outputTokens, ...abilities, ...(embedding && { embedding }) }
  const only = ONLY_FORMATS.find(([flag]) => flags.includes(flag))
  const deployment = {
    provider,
    upstreamModel: expandUpstreamId(upstream, id),
    traits: { ...traits, ...readReasoning(reasoning) },
    ...(only === undefined ? {} : { format: only[1] }),
  }
  return price === EMPTY ? deployment : { ...deployment, price: readPrice(price) }
}

/** An upstream id in full: in a row `=` at its end stands for the public id. */
export function expandUpstreamId(written: string, id: string): string {
  return written.endsWith('=') ? written.slice(0, -1) + id : written
}

function readAbilities(modalities: string, flags: string) {
  const [input = '', output = ''] = modalities.split('>')
  return {
    input: readModalities(input),
    output: readModalities(output),
    tools: flags.includes('T'),
    jsonSchema: flags.includes('J'),
    temperature: flags.includes('t'),
    ...Object.fromEntries(RARE_TRAITS.flatMap(([flag, name]) => (flags.includes(flag) ? [[name, true]] : []))),
  }
}

function readEmbedding(output: ReadonlySet<Modality>, dimensions: number, flags: string): Traits['embedding'] {
  if (!output.has('embedding')) return undefined
  return flags.includes(SHORTENS_FLAG) ? { dimensions, shortens: true } : { dimensions }
}

function readModalities(letters: string): ReadonlySet<Modality> {
  return new Set([...letters].flatMap((letter) => MODALITIES.get(letter) ?? []))
}

function readReasoning(text: string): Pick<Traits, 'reasoning' | 'toggle' | 'efforts' | 'budget'> {
  let efforts: string[] | undefined
  let budget: Traits['budget']
  let toggle = false
  for (const part of text.split(';')) {
    if (part === 'x') toggle = true
    else if (part.startsWith('e:')) efforts = part.slice(2).split(',')
    else if (part.startsWith('b:')) {
      const [min, max] = part.slice(2).split('-')
      budget = max ? { min: Number(min), max: Number(max) } : { min: Number(min) }
    }
  }
  return { reasoning: text !== EMPTY, toggle, ...(efforts && { efforts }), ...(budget && { budget }) }
}

function readPrice(text: string): Price {
  const [input, output, cacheRead, cacheWrite] = text.split(',')
  return {
    input: Number(input),
    output: Number(output),
    ...(cacheRead && { cacheRead: Number(cacheRead) }),
    ...(cacheWrite && { cacheWrite: Number(cacheWrite) }),
  }
}

/** Writes the line that parseRow reads. */
export function formatRow({ model, released, aliases }: CatalogEntry): Row {
  const deployments = model.deployments.map((deployment) => formatDeployment(deployment, model.id))
  return [model.id, model.owner, released, aliases.join(','), ...deployments].join('|')
}

function formatDeployment({ provider, upstreamModel, traits, format, price }: Deployment, id: string): string {
  const upstream = upstreamModel.endsWith(id) ? `${upstreamModel.slice(0, -id.length)}=` : upstreamModel
  const modalities = [traits.input, traits.output].map((set) => {
    return [...MODALITIES].map(([letter, modality]) => (set.has(modality) ? letter : '')).join('')
  })
  const rareFlags = RARE_TRAITS.map(([flag, name]) => (traits[name] ? flag : '')).join('')
  const onlyFlag = ONLY_FORMATS.find(([, name]) => name === format)?.[0] ?? ''
  const flags = `${traits.tools ? 'T' : ''}${traits.jsonSchema ? 'J' : ''}${traits.temperature ? 't' : ''}${rareFlags}${onlyFlag}${traits.embedding?.shortens ? SHORTENS_FLAG : ''}`
  const abilities = [modalities.join('>'), flags || EMPTY, formatReasoning(traits)]
  const output = traits.embedding?.dimensions ?? traits.outputTokens
  return [provider, upstream, traits.contextTokens, output, ...abilities, formatPrice(price)].join(' ')
}

function formatReasoning({ reasoning, toggle, efforts, budget }: Traits): string {
  if (!reasoning) return EMPTY
  const parts = ['r']
  if (toggle) parts.push('x')
  if (efforts) parts.push(`e:${efforts.join(',')}`)
  if (budget) parts.push(`b:${budget.min}${budget.max === undefined ? '' : `-${budget.max}`}`)
  return parts.join(';')
}

function formatPrice(price: Price | undefined): string {
  if (!price) return EMPTY
  const parts = [price.input, price.output, price.cacheRead ?? '', price.cacheWrite ?? '']
  return parts.join(',').replace(/,+$/, '')
}
