/** The parts of the world with a view of their own, by the names that Cloudflare has for where objects may live. */
export const REGIONS = ['wnam', 'enam', 'weur', 'eeur', 'apac', 'oc'] as const
export type RegionName = (typeof REGIONS)[number]

/**
 * The name of a region's object. It carries a version: versions of Router9 that cannot understand each other's messages use
 * others.
 */
export function regionObjectName(region: string): string {
  return `health:v1:${region}`
}
