import type { Deployment, Model } from '../../catalog/deployment.ts'
import { allModels } from '../../catalog/models.ts'
import { findProvider } from '../../catalog/providers.ts'

/** The models that make vectors: for `src/docs/embeddings.md`. */
export function embeddingModelsPart(): string {
  const rows = allModels()
    .filter(({ deployments }) => deployments.some(({ traits }) => traits.embedding !== undefined))
    .map(rowOf)
  return [
    '| model | dimensions | tokens a text | $ a million tokens | providers |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function rowOf({ id, deployments }: Model): string {
  const lengths = unique(deployments, ({ traits: { embedding } }) => {
    return embedding === undefined ? '' : `${embedding.dimensions}${embedding.shortens ? ' or fewer' : ''}`
  })
  const windows = unique(deployments, ({ traits }) => (traits.contextTokens || '').toLocaleString('en'))
  const prices = unique(deployments, ({ price }) => (price === undefined ? '' : String(price.input)))
  const providers = deployments.map(({ provider }) => findProvider(provider)?.id ?? provider)
  return `| \`${id}\` | ${lengths} | ${windows} | ${prices} | ${providers.join(', ')} |`
}

function unique(deployments: readonly Deployment[], textOf: (deployment: Deployment) => string): string {
  return [...new Set(deployments.map(textOf).filter((value) => value !== ''))].join(', ')
}
