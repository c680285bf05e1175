import { lastSegment, normalizeName, withoutDate } from '../../catalog/names.ts'
import { MAKERS, OWNERS, OWNERS_BY_NAME, SAME, VARIANTS } from './rules.ts'
import type { Offer } from './source.ts'

/** Offers of one model by several providers. */
export interface Group {
  readonly owner: string
  /** The model's name in one spelling; only for comparing. */
  readonly spelled: string
  readonly offers: Offer[]
  /** Names of offers that turned out to be the same model at the same provider. */
  readonly twins: string[]
}

/** Brings together what is the same model: by base_model, by the name, by the table of other names, by the date. */
export function joinOffers(offers: readonly Offer[]): Group[] {
  const undatedOf = datedTwins(offers)
  const groups = new Map<string, Group>()
  for (const offer of offers) {
    const owner = ownerOf(offer)
    const spelled = undatedOf.get(offer) ?? spelledName(offer, owner)
    const group = groups.get(`${owner}/${spelled}`) ?? { owner, spelled, offers: [], twins: [] }
    groups.set(`${owner}/${spelled}`, group)
    addOffer(groups, group, offer)
  }
  return [...groups.values()].sort((a, b) => (`${a.owner}/${a.spelled}` < `${b.owner}/${b.spelled}` ? -1 : 1))
}

function addOffer(groups: Map<string, Group>, group: Group, offer: Offer): void {
  const rival = group.offers.find(({ provider }) => provider === offer.provider)
  if (!rival) group.offers.push(offer)
  else if (isSameOffer(rival, offer)) {
    const kept = spell(offer) === group.spelled ? offer : rival
    group.twins.push((kept === offer ? rival : offer).id)
    group.offers[group.offers.indexOf(rival)] = kept
  } else {
    // One provider sells two things under names that we take for one: better two models than a wrong price.
    const spelled = `${spell(offer)}@${offer.provider}`
    groups.set(`${group.owner}/${spelled}`, { owner: group.owner, spelled, offers: [offer], twins: [] })
  }
}

/** Who made the model that is offered. */
function ownerOf({ provider, id, facts }: Offer): string {
  const maker = MAKERS[provider]
  if (maker) return maker
  const parts = id.replace(/^~|^@cf\/|^accounts\/fireworks\/(?:models|routers)\//, '').split('/')
  const named = parts.length > 1 ? parts[0] : facts.base_model?.split('/')[0]
  if (named) return OWNERS.get(named.toLowerCase()) ?? named.toLowerCase()
  const name = lastSegment(id).toLowerCase()
  return OWNERS_BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? provider
}

/** The name in an offer's id, without its maker. */
export function nameIn({ provider, id }: Pick<Offer, 'provider' | 'id'>): string {
  // Fireworks writes the dot of a version as p.
  return lastSegment(provider === 'fireworks' ? id.replace(/(?<=\d)p(?=\d)/g, '.') : id)
}

/** An id without maker, case and dots: `@cf/zai-org/glm-5.2`, `accounts/fireworks/models/glm-5p2` and `zai-org/GLM-5.2` agree. */
export function spell(offer: Pick<Offer, 'provider' | 'id'>): string {
  return normalizeName(nameIn(offer))
}

function spelledName(offer: Offer, owner: string): string {
  const own = canonical(owner, spell(offer))
  const base = trustedBase(offer)
  return base ? canonical(owner, base) : own
}

function canonical(owner: string, spelled: string): string {
  return SAME.get(`${owner}/${spelled}`) ?? spelled
}

/** The spelled base_model, unless it groups variants: a distilled or a free one is another model. */
export function trustedBase(offer: Offer): string | undefined {
  const base = offer.facts.base_model
  if (!base) return undefined
  const spelled = spell({ provider: '', id: base })
  const words = new Set(spelled.split('-'))
  const extra = spell(offer)
    .split(/[-:]/)
    .filter((word) => !words.has(word))
  return extra.some((word) => VARIANTS.has(word)) ? undefined : spelled
}

/**
 * A dated id is the undated model if nothing tells them apart, and if no other dated one could be meant as well. Where
 * only `-latest` is known besides, the dated one gives the name: it says what will answer.
 */
function datedTwins(offers: readonly Offer[]): Map<Offer, string> {
  const families = Map.groupBy(offers, (offer) => `${offer.provider} ${ownerOf(offer)} ${withoutDate(spell(offer))}`)
  const twins = new Map<Offer, string>()
  for (const family of families.values()) {
    const [first] = family
    if (!first) continue
    const stem = withoutDate(spell(first))
    const plain = family.find((offer) => spell(offer) === stem)
    const latest = family.find((offer) => spell(offer) === `${stem}-latest`)
    const anchor = plain ?? latest
    if (!anchor) continue
    const same = family.filter((offer) => isSameOffer(offer, anchor))
    const dated = same.filter((offer) => offer !== plain && offer !== latest)
    const [single] = dated
    if (plain && latest && same.includes(latest)) twins.set(latest, spelledName(plain, ownerOf(plain)))
    if (dated.length !== 1 || !single) continue
    if (plain) twins.set(single, spelledName(plain, ownerOf(plain)))
    else twins.set(anchor, spelledName(single, ownerOf(single)))
  }
  return twins
}

// Two models can cost the same (deepseek-r1 and its 0528 revision), but are not released together; the days of an id and
// of its alias differ by a few weeks at most.
const RELEASE_SPREAD_MS = 31 * 24 * 3_600_000

function isSameOffer({ facts: a }: Offer, { facts: b }: Offer): boolean {
  const isNear = Math.abs(Date.parse(a.release_date) - Date.parse(b.release_date)) <= RELEASE_SPREAD_MS
  return isNear && JSON.stringify([a.cost, a.limit]) === JSON.stringify([b.cost, b.limit])
}
