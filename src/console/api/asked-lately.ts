import { ask } from './request.ts'

/**
 * The ids of the deployments of which something was measured lately, in the region that answers. Of any other `POST /v1/route`
 * tells what is supposed of it: a success rate that nobody has seen.
 */
export async function askedLately(key: string, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const { data } = await ask<{ data: readonly { readonly deployments: readonly { readonly id: string }[] }[] }>(
    '/v1/providers',
    { key, signal },
  )
  return new Set(data.flatMap(({ deployments }) => deployments.map(({ id }) => id)))
}
