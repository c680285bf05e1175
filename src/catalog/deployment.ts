import type { Traits } from '../formats/format.ts'

/** US dollars per million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
}

/** A model at one provider. */
export interface Deployment {
  readonly provider: string
  /** The provider's own name for the model. */
  readonly upstreamModel: string
  readonly traits: Traits
  /** The one format in which the provider offers it, where that is not the provider's usual one. */
  readonly format?: string
  /** Absent where the provider publishes none. */
  readonly price?: Price
}

/** A model as Router9 offers it: one public id, and its deployments, best first. */
export interface Model {
  readonly id: string
  /** The organization that made it. */
  readonly owner: string
  /** The day of its release, in seconds. */
  readonly created: number
  readonly deployments: readonly Deployment[]
}
