import type { Deployment } from '../catalog/deployment.ts'
import type { Chat } from '../chat/request.ts'
import type { AllowList } from './allow.ts'
import type { Needs } from './needs.ts'

/** What a request says of who may answer it, whatever it asks for. */
export type RoutedRequest = Pick<Chat, 'model' | 'models' | 'provider' | 'stream' | 'n' | 'logprobs'>

/** What decides who may answer a request. */
export interface PlanInput {
  readonly request: RoutedRequest
  readonly needs: Needs
  /** The ids of the configured providers: one object for all requests under the same settings, by which is cached. */
  readonly configured: Pick<ReadonlySet<string>, 'has' | 'size'>
  readonly autoModels: readonly string[]
  /** The operator named `autoModels`: no other model is to be used for `auto`. */
  readonly autoChosen: boolean
  /** For each provider whose models the catalogue cannot know: those that the operator named. */
  readonly ownModels: ReadonlyMap<string, readonly string[]>
  readonly allowed?: AllowList
  /** Providers that are configured too, and that the key may not use. */
  readonly withheld?: ReadonlySet<string> | undefined
  /** Whether an answer's cost will be known; undefined where it does not have to be. */
  readonly isPriced?: ((deployment: Deployment) => boolean) | undefined
}
