import type { RegionName } from '../platform/regions.ts'

/** Degrees east: where one half of a continent ends and the other begins. */
const NORTH_AMERICA_WEST_OF = -100
const EUROPE_EAST_OF = 20
/** West of here Asia is the Middle East, whose objects live in Europe. */
const ASIA_WEST_OF = 60

/** The region that a request came in at; without a place (in development) they are all in one. */
export function regionOf(request: Request): RegionName {
  const { continent, longitude } = (request.cf ?? {}) as { continent?: unknown; longitude?: unknown }
  const east = Number(longitude ?? Number.NaN)
  switch (continent) {
    case 'NA':
      return east < NORTH_AMERICA_WEST_OF ? 'wnam' : 'enam'
    case 'EU':
      return east > EUROPE_EAST_OF ? 'eeur' : 'weur'
    case 'AS':
      return east < ASIA_WEST_OF ? 'weur' : 'apac'
    case 'AF':
      return 'weur'
    case 'OC':
      return 'oc'
    default:
      return 'enam'
  }
}
