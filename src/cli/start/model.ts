import { DEFAULT_AUTO_MODELS } from '../../catalog/auto.ts'
import { findModel } from '../../catalog/models.ts'

interface ListedModel {
  readonly id: string
  readonly modalities?: { readonly output?: readonly string[] }
}

/**
 * A model that the running Worker can answer with: the first one that `auto` prefers and the Worker lists, otherwise the first
 * in its list. Undefined where the list is empty.
 */
export async function modelToTry(url: string, key: string, autoModels: unknown): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  const { data = [] } = (await response.json()) as { data?: readonly ListedModel[] }
  const ids = data.flatMap(({ id, modalities }) => (id !== 'auto' && modalities?.output?.includes('text') ? [id] : []))
  const configured = typeof autoModels === 'string' ? autoModels.split(',').map((name) => name.trim()) : []
  const preferred = [...configured, ...DEFAULT_AUTO_MODELS].map((name) => findModel(name)?.id ?? name)
  return preferred.find((id) => ids.includes(id)) ?? ids[0]
}
