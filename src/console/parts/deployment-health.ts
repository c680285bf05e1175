import { duration, milliseconds } from './format.ts'

/** How a deployment does: everywhere, or in one region. Fields as `GET /v1/providers` has them. */
export interface Health {
  readonly state: string
  readonly success_rate: number | null
  readonly ttft_ms: { readonly p50: number | null; readonly p95: number | null }
  readonly tokens_per_second: number | null
  readonly reason: string | null
  readonly until: string | null
  /** Null where the key may not know it. */
  readonly in_flight: number | null
}

export interface RegionHealth extends Health {
  readonly region: string
}

export interface Deployment extends Health {
  readonly id: string
  readonly last_hour: {
    readonly success_rate: readonly (number | null)[]
    readonly requests?: readonly number[]
    readonly failures?: readonly number[]
  }
  readonly regions: readonly RegionHealth[]
}

export interface ProviderList {
  readonly data: readonly { readonly id: string; readonly deployments: readonly Deployment[] }[]
  /** By Router9's clock, which need not be that of the viewer. */
  readonly at: string
  readonly regions: readonly { readonly region: string; readonly is_here: boolean; readonly answered: boolean }[]
}

/** The words for each state, the worst first. */
const STATES: Readonly<Record<string, { readonly word: string; readonly tone: 'good' | 'warn' | 'bad' }>> = {
  open: { word: 'Out', tone: 'bad' },
  limited: { word: 'Limited', tone: 'warn' },
  'half-open': { word: 'On trial', tone: 'warn' },
  suspect: { word: 'Unsteady', tone: 'warn' },
  closed: { word: 'Well', tone: 'good' },
}
const ORDER = Object.keys(STATES)

const REASONS: Readonly<Record<string, string>> = {
  'failed-before-first-token': 'its requests fail before an answer begins',
  timeout: 'its answers take too long to begin',
  'failed-mid-stream': 'its answers break off',
  'failed-elsewhere': 'it fails in other regions, or its provider does',
  limit: 'it limits our rate',
  overload: 'it says that it is overloaded',
  config: 'it refuses our credentials, or does not know the model',
}

const REGION_NAMES: Readonly<Record<string, string>> = {
  wnam: 'Western North America',
  enam: 'Eastern North America',
  weur: 'Western Europe',
  eeur: 'Eastern Europe',
  apac: 'Asia-Pacific',
  oc: 'Oceania',
}

export function nameOfRegion(region = ''): string {
  return REGION_NAMES[region] ?? region
}

export function stateOf({ state }: Pick<Health, 'state'>): { word: string; tone: string } {
  return STATES[state] ?? { word: state, tone: 'warn' }
}

/** Why a deployment was passed over, where that is its state: in the word that all pages have for it. */
export function reasonWord(reason: string): string {
  return STATES[reason]?.word.toLowerCase() ?? reason
}

/** Where it does not do well, apart from the region that answers: `out in Western Europe, limited in Oceania`. */
export function elsewhereOf({ regions, state }: Deployment): string {
  return regions
    .filter((one) => one.state !== 'closed' && one.state !== state)
    .map((one) => `${stateOf(one).word.toLowerCase()} in ${nameOfRegion(one.region)}`)
    .join(', ')
}

/** 0 for the worst. */
function rankOf({ state }: Pick<Health, 'state'>): number {
  return ORDER.includes(state) ? ORDER.indexOf(state) : 1
}

/** Where it does worst: the engineer looks for the ill one, in whichever region it is. */
export function worstOf(deployment: Deployment): Health {
  return deployment.regions.reduce<Health>(
    (worst, region) => (rankOf(region) < rankOf(worst) ? region : worst),
    deployment,
  )
}

export function isIll(deployment: Deployment): boolean {
  return worstOf(deployment).state !== 'closed'
}

/** Ill ones first, the worst at the top; then by name, so that nothing moves while nothing changes. */
export function inOrder(deployments: readonly Deployment[]): string[] {
  const rank = new Map(deployments.map((one) => [one.id, rankOf(worstOf(one))]))
  return deployments
    .map(({ id }) => id)
    .sort((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0) || one.localeCompare(other, 'en'))
}

/** Why it is not simply well, and when it is asked again. @param now by Router9's clock. '' where it is well. */
export function whyOf({ state, reason, until }: Health, now: number): string {
  if (state === 'closed') return ''
  const why = reason === null ? '' : (REASONS[reason] ?? reason)
  const leftMs = until === null ? 0 : Date.parse(until) - now
  const next =
    leftMs > 0
      ? `asked again in ${duration(Math.ceil(leftMs / 1000) * 1000)}`
      : state === 'suspect'
        ? 'still asked, after others'
        : 'asked again with one of the next requests'
  const text = [why, next].filter(Boolean).join('; ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** p50 and p95 as one. */
export function times({ ttft_ms: { p50, p95 } }: Health): string {
  return p50 === null ? milliseconds(null) : `${milliseconds(p50)} / ${milliseconds(p95)}`
}
