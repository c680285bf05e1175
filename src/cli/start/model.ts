import { DEFAULT_AUTO_MODELS } from '../../catalog/auto.ts'
import { findModel } from '../../catalog/models.ts'

interface Listed {
  readonly id: string
  readonly modalities?: { readonly output?: readonly string[] }
}

/**
 * A model that the running Worker can answer with: of those that `auto` prefers the first that it lists, otherwise the first
 * of its list. Undefined where it lists none.
 */
export async function modelToTry(url: string, key: string, autoModels: unknown): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  const { data = [] } = (await response.json()) as { data?: readonly Listed[] }
  const ids = data.flatMap(({ id, modalities }) => (id !== 'auto' && modalities?.output?.includes('text') ? [id] : []))
  const chosen = typeof autoModels === 'string' ? autoModels.split(',').map((name) => name.trim()) : []
  const wanted = [...chosen, ...DEFAULT_AUTO_MODELS].map((name) => findModel(name)?.id ?? name)
  return wanted.find((id) => ids.includes(id)) ?? ids[0]
}
