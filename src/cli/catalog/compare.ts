import type { Model } from '../../catalog/deployment.ts'

/** What changes between two catalogues, as lines for a person. */
export interface Difference {
  readonly lines: readonly string[]
  readonly removed: number
}

/** Compares models by id: added, removed, and prices that changed. */
export function compareModels(before: readonly Model[], after: readonly Model[]): Difference {
  const old = new Map(before.map((model) => [model.id, model]))
  const fresh = new Map(after.map((model) => [model.id, model]))
  const added = after.filter(({ id }) => !old.has(id)).map(({ id }) => `added: ${id}`)
  const removed = before.filter(({ id }) => !fresh.has(id)).map(({ id }) => `removed: ${id}`)
  const changed = after.flatMap((model) => priceChanges(old.get(model.id), model))
  return { lines: [...added, ...removed, ...changed], removed: removed.length }
}

function priceChanges(before: Model | undefined, after: Model): string[] {
  return after.deployments.flatMap(({ provider, upstreamModel, price }) => {
    const old = before?.deployments.find((one) => one.provider === provider && one.upstreamModel === upstreamModel)
    const [was, is] = [JSON.stringify(old?.price), JSON.stringify(price)]
    return old && was !== is ? [`price: ${after.id} at ${provider}: ${was ?? 'none'} -> ${is ?? 'none'}`] : []
  })
}
