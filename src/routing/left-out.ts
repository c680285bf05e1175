import type { Chat } from '../chat/request.ts'
import { allows } from './allow.ts'
import { fits } from './needs.ts'
import {
  autoAllowList,
  isAffordable,
  isAuto,
  isInOrder,
  isWanted,
  missingCapabilityOfTarget,
  namesOf,
  type Plan,
  type PlanInput,
  resolve,
  type Target,
} from './plan.ts'

/** A target that a request's names lead to and that may not answer it, with why. */
export interface LeftOut extends Target {
  readonly reason: string
}

/** Those whom a plan has no place for. */
export function leftOutOf(situation: PlanInput, { candidates }: Plan): readonly LeftOut[] {
  const name = ({ deployment: { provider, upstreamModel } }: Target) => `${provider}/${upstreamModel}`
  const seen = new Set(candidates.map(name))
  const { chat, autoModels, ownModels } = situation
  const targetsOf = (named: string) =>
    isAuto(named) ? autoModels.flatMap((model) => resolve({ ownModels }, model) ?? []) : resolve(situation, named)
  return namesOf(chat)
    .flatMap((named) => targetsOf(named) ?? [])
    .filter((target) => !seen.has(name(target)) && seen.add(name(target)))
    .map((target) => ({ ...target, reason: reasonAgainst(situation, target) }))
}

function reasonAgainst({ chat, needs, configured, allowed, isPriced }: PlanInput, target: Target): string {
  const { deployment } = target
  if (!configured.has(deployment.provider)) return 'its provider is not configured'
  if (!allows(autoAllowList(allowed), target)) return 'the key may not use it'
  const preferences: NonNullable<Chat['provider']> = chat.provider ?? {}
  if (!isWanted(target, preferences)) return 'provider.only or provider.ignore'
  if (!isInOrder(target, preferences)) return 'provider.order without fallbacks'
  if (!isAffordable(target, preferences)) return 'provider.max_price'
  const lack = missingCapabilityOfTarget(target, needs)
  if (lack !== undefined) return `it lacks ${lack}`
  if (isPriced?.(deployment) === false) return 'it has no price, and the key has a budget'
  return fits(needs, deployment.traits) ? 'the key may not use it' : 'its context window is too small'
}
