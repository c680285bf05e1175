import type { Model } from '../../catalog/deployment.ts'
import { contestedNames, indexNames, lastSegment, normalizeName, RESELLERS, withoutDate } from '../../catalog/names.ts'
import type { Row } from '../../catalog/row.ts'
import { formatRow } from '../../catalog/row.ts'
import type { Draft, Successors } from './aliases.ts'
import { withAliases } from './aliases.ts'
import { deploymentOf } from './deployment.ts'
import type { Group } from './join.ts'
import { joinOffers, nameIn, spell, trustedBase } from './join.ts'
import { MAKERS, NOT_CHAT, OTHER_ENDPOINT, SUCCESSORS } from './rules.ts'
import type { LeftOut, Offer } from './source.ts'

/** What a source's offers become. */
export interface Catalog {
  readonly rows: readonly Row[]
  readonly models: readonly Model[]
  readonly leftOut: readonly LeftOut[]
  /** Names that two models claim. They find no model. */
  readonly contested: readonly string[]
  /** How many names besides the ids find a model. */
  readonly aliases: number
}

/**
 * Makes the rows of models.json.
 * @param embeddings models that make vectors, which the source does not have.
 * @throws CliError where the successor of a retired name does not exist.
 */
export function buildCatalog(
  offers: readonly Offer[],
  successors: Successors = SUCCESSORS,
  embeddings: readonly Draft[] = [],
): Catalog {
  const leftOut: LeftOut[] = []
  const chats = offers.filter((offer) => {
    const reason = reasonToLeaveOut(offer)
    if (reason) leftOut.push({ provider: offer.provider, id: offer.id, reason })
    return !reason
  })
  const drafts = [...entriesOf(joinOffers(chats), successors, leftOut), ...embeddings]
  const entries = drafts.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
  const rows = withAliases(entries, successors).map(formatRow)
  const names = indexNames(rows)
  const contested = contestedNames(names)
  const models = entries.map(({ model }) => model)
  return { rows, models, leftOut, contested, aliases: names.size - contested.length - models.length }
}

function reasonToLeaveOut({ provider, id, facts }: Offer): string | undefined {
  const { input, output } = facts.modalities
  if (!input.includes('text') || !output.includes('text')) return 'no text in or no text out'
  if (facts.limit.context === 0) return 'no context'
  const name = id.toLowerCase()
  const kind = NOT_CHAT.find(([pattern]) => pattern.test(name))?.[1]
  return kind ?? OTHER_ENDPOINT.find((rule) => rule.provider === provider && rule.id.test(name))?.reason
}

function entriesOf(groups: readonly Group[], successors: Successors, leftOut: LeftOut[]): Draft[] {
  const drafts: Draft[] = []
  const taken = new Set<string>()
  for (const group of groups.toSorted((a, b) => claimPriority(b) - claimPriority(a))) {
    const offers = sortedOffers(group)
    const [first] = offers
    if (!first) continue
    const plain = plainId(group, offers)
    const retirement = retirementOf(plain, offers, successors)
    const isBareNameFree = !successors.has(plain) && !taken.has(plain) && !isTooCommon(plain, first)
    const id = isBareNameFree ? plain : `${group.owner}/${plain}`
    const reason = retirement ?? (taken.has(id) ? `another model is ${id}` : undefined)
    if (reason) leftOut.push(...offers.map((offer) => ({ provider: offer.provider, id: offer.id, reason })))
    else {
      drafts.push(draftOf(id, group, first, offers))
      taken.add(id)
    }
  }
  return drafts
}

/** Which model gets a bare name that several could have: the one of a maker with its own API, then the one with more providers. */
function claimPriority({ owner, offers }: Group): number {
  return (offers.some(({ provider }) => MAKERS[provider] === owner) ? 100 : 0) + offers.length
}

/** Rows are sorted by owner and name, so that a new version stands beside the one before. */
function sortKey({ model }: Draft): string {
  return `${model.owner} ${normalizeName(lastSegment(model.id))} ${model.id}`
}

/**
 * Why a retired model is left out; undefined where it is kept. A model that a provider still serves is kept as `owner/name`,
 * since its bare name now means its successor. This holds for dated ids too: mistral-small-2603 is served, though mistral-small
 * is retired.
 */
function retirementOf(plain: string, offers: readonly Offer[], successors: Successors): string | undefined {
  const successor = successors.get(plain) ?? successors.get(withoutDate(plain))
  const isGone = offers.every(({ facts }) => facts.status === 'deprecated')
  return isGone && successor ? `retired, answered by ${successor}` : undefined
}

function draftOf(id: string, { owner, twins }: Group, { facts }: Offer, offers: readonly Offer[]): Draft {
  const created = Date.parse(facts.release_date) / 1000
  const bases = offers.flatMap((offer) => (trustedBase(offer) ? (offer.facts.base_model ?? []) : []))
  return {
    model: { id, owner, created, deployments: offers.map(deploymentOf) },
    released: facts.release_date,
    aliases: [...twins, ...bases].map((alias) => lastSegment(alias).toLowerCase()),
  }
}

/** In the order of a row: the maker's own API, other providers by price, resellers, and last the deprecated ones. */
function sortedOffers({ owner, offers }: Group): Offer[] {
  const rank = ({ provider, facts }: Offer) => {
    if (facts.status === 'deprecated') return 3
    return MAKERS[provider] === owner ? 0 : RESELLERS.has(provider) ? 2 : 1
  }
  const dollars = ({ facts: { cost } }: Offer) => (cost ? 3 * cost.input + cost.output : Number.MAX_VALUE)
  return offers.toSorted((a, b) => rank(a) - rank(b) || dollars(a) - dollars(b) || (a.provider < b.provider ? -1 : 1))
}

function plainId({ owner, spelled }: Group, offers: readonly Offer[]): string {
  const own = offers.find(({ provider }) => MAKERS[provider] === owner)
  if (own) return own.id.toLowerCase()
  const sameSpelling = offers.filter((offer) => spell(offer) === spelled)
  const base = offers.find((offer) => trustedBase(offer))?.facts.base_model
  if (base && spell({ provider: '', id: base }) === spelled) return lastSegment(base).toLowerCase()
  // Most people know OpenRouter's spelling. A provider such as Fireworks has its own.
  const known = sameSpelling.find(({ provider }) => RESELLERS.has(provider)) ?? sameSpelling[0] ?? offers[0]
  if (!known) return spelled
  return known.id.startsWith(`${known.provider}/`) ? known.id.toLowerCase() : nameIn(known).toLowerCase()
}

/** Whether an id is a common word such as `router` or `auto`, which could mean anything without its owner. */
function isTooCommon(id: string, { provider }: Offer): boolean {
  return /^[a-z]+$/.test(id) && !MAKERS[provider]
}
