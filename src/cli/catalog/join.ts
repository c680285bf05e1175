import { lastSegment, normalizeName, withoutDate } from '../../catalog/names.ts'
import { MAKERS, OWNERS, OWNERS_BY_NAME, SAME, VARIANTS } from './rules.ts'
import type { Offer } from './source.ts'

/** Offers of one model by several providers. */
export interface Group {
  readonly owner: string
  /** The model's name in one spelling, for comparisons alone. */
  readonly spelled: string
  readonly offers: Offer[]
  /** Ids of further offers of the same model by the same provider. */
  readonly twins: string[]
}

/** Groups the offers of each model: by base_model, by name, by the table `SAME`, and by date. */
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
    // One provider has two different offers whose names look the same here. Two models are better than a wrong price.
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
  // Fireworks writes a version's dot as p.
  return lastSegment(provider === 'fireworks' ? id.replace(/(?<=\d)p(?=\d)/g, '.') : id)
}

/** A name without maker, upper case and dots: `@cf/zai-org/glm-5.2`, `accounts/fireworks/models/glm-5p2` and `zai-org/GLM-5.2` agree. */
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

/** The base_model in one spelling; undefined where the offer is a variant of it, such as a distilled or a free one. */
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
 * Finds dated ids that mean the same model as the undated id: nothing else differs, and there is no second dated id that could
 * be meant. Where there is only `-latest` beside it, the dated id gives the name, because it says which model answers.
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

// Two models may cost the same (deepseek-r1 and its 0528 revision), but they have different release dates. The dates of an id and
// its alias differ by a few weeks at most.
const RELEASE_SPREAD_MS = 31 * 24 * 3_600_000

function isSameOffer({ facts: a }: Offer, { facts: b }: Offer): boolean {
  const isNear = Math.abs(Date.parse(a.release_date) - Date.parse(b.release_date)) <= RELEASE_SPREAD_MS
  return isNear && JSON.stringify([a.cost, a.limit]) === JSON.stringify([b.cost, b.limit])
}
