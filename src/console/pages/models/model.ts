import type { Deployment as Health } from '../../parts/deployment-health.ts'

/** A model as `GET /v1/models?all=true` has it. */
export interface Model {
  readonly id: string
  readonly owned_by: string
  readonly context_length: number | null
  readonly max_output_tokens: number | null
  readonly dimensions?: number
  readonly modalities: { readonly input: readonly string[]; readonly output: readonly string[] }
  readonly capabilities: {
    readonly tools: boolean
    readonly structured_output: boolean
    readonly reasoning: boolean
  } | null
  /** In US dollars per million tokens. */
  readonly pricing: { readonly input: number; readonly output: number } | null
  /** Those that can answer for this key. */
  readonly providers: readonly string[]
  /** Absent of `auto` and of the models of own servers: those are listed only where they can answer. */
  readonly deployments?: readonly Deployment[]
}

export interface Deployment {
  readonly id: string
  readonly provider: string
  readonly connected: boolean
  readonly allowed: boolean
  readonly setting?: string
}

/** By the id of a deployment: only those that were asked lately, in any region. */
export type States = ReadonlyMap<string, Health>

export const ABILITIES = [
  'tools',
  'JSON schema',
  'reasoning',
  'images',
  'files',
  'audio',
  'video',
  'embeddings',
] as const

export function abilitiesOf({ capabilities, modalities: { input, output } }: Model): readonly string[] {
  const has: readonly unknown[] = [
    capabilities?.tools,
    capabilities?.structured_output,
    capabilities?.reasoning,
    input.includes('image'),
    input.includes('file') || input.includes('pdf'),
    input.includes('audio'),
    input.includes('video'),
    output.includes('embedding'),
  ]
  return ABILITIES.filter((_, at) => has[at])
}

export function providersOf({ deployments, providers }: Model): readonly string[] {
  return deployments?.map(({ provider }) => provider) ?? providers
}

/** Whether the key may use the model, and if not, why. */
export function mayUse({ deployments }: Model): { readonly may: boolean; readonly reason: string } {
  const isAllowed = (deployments ?? []).some(({ allowed }) => allowed)
  return deployments === undefined || isAllowed
    ? { may: true, reason: '' }
    : { may: false, reason: 'Not among the models or providers of this key' }
}

/** The worst comes last: a model does as well as the best of its deployments. */
const ORDER = ['closed', 'suspect', 'half-open', 'limited', 'open']

/** How a model does now: undefined where no provider of it is connected; '' where nobody has asked it lately. */
export function stateNow({ deployments = [] }: Model, states: States): string | undefined {
  const connected = deployments.filter((one) => one.connected)
  if (connected.length === 0) return undefined
  const known = connected.map(({ id }) => states.get(id)?.state ?? '')
  return ORDER.find((state) => known.includes(state)) ?? ''
}

export interface Filter {
  readonly text: string
  readonly ability: string
  readonly provider: string
  readonly onlyUsable: boolean
}

export function fits(model: Model, { text, ability, provider, onlyUsable }: Filter): boolean {
  const words = text.toLowerCase().split(/\s+/)
  const about = `${model.id} ${model.owned_by} ${providersOf(model).join(' ')}`.toLowerCase()
  return (
    words.every((word) => about.includes(word)) &&
    (ability === '' || abilitiesOf(model).includes(ability)) &&
    (provider === '' || providersOf(model).includes(provider)) &&
    (!onlyUsable || model.providers.length > 0)
  )
}

export const COLUMNS = ['Model', 'Input', 'Output', 'Window'] as const
export type Column = (typeof COLUMNS)[number]

/** What is not known comes last, whichever way. Without a column: the order of the catalogue. */
export function sorted(models: readonly Model[], column: string, isDown: boolean): readonly Model[] {
  const fieldOf = (model: Model): number | string | null | undefined =>
    ({
      Model: model.id,
      Input: model.pricing?.input,
      Output: model.pricing?.output,
      Window: model.context_length,
    })[column as Column]
  if (!COLUMNS.includes(column as Column)) return models
  const sign = isDown ? -1 : 1
  return [...models].sort((one, other) => {
    const [left, right] = [fieldOf(one), fieldOf(other)]
    if (left == null || right == null) return Number(left == null) - Number(right == null)
    return sign * (typeof left === 'string' ? left.localeCompare(String(right), 'en') : left - Number(right))
  })
}
