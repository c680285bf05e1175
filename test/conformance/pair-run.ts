import { bundleWorker } from '../harness/bundle.ts'
import { DEMO_KEY, startWorker } from '../harness/worker.ts'
import { playEmbeddings, readEmbeddingPairs } from './embedding-pairs.ts'
import { readOpenAiSpec } from './openai-spec.ts'
import { OPENAI_WIRE } from './openai-wire.ts'
import { judged, type PairResult, playPair } from './pair-drive.ts'
import { PAIR_EXCEPTIONS } from './pair-exceptions.ts'
import { pairModel } from './pair-models.ts'
import { startPairProvider } from './pair-provider.ts'
import { readPairs } from './pairs.ts'
import { everyProviderPlayedAt } from './slots.ts'

/** The APIs in which both Router9 and a provider speak, so that nothing may be lost between them. */
const LOSSLESS_APIS = [
  'responses',
  'responses-compact',
  'responses-input-tokens',
  'messages',
  'messages-count-tokens',
  'gemini',
  'gemini-count-tokens',
  'completions',
] as const

/** Plays the pairs whose names contain a text, through a Worker of their own. */
export async function playPairs(folder: string, only: string, file?: string): Promise<PairResult[]> {
  const provider = await startPairProvider()
  const bundle = file === undefined ? await bundleWorker() : undefined
  const worker = await startWorker({ file: file ?? bundle?.file ?? '', vars: everyProviderPlayedAt(provider.url) })
  const way = { url: worker.url, key: DEMO_KEY, provider, model: pairModel, exceptions: PAIR_EXCEPTIONS }
  const results: PairResult[] = []
  for (const pair of readPairs(folder, LOSSLESS_APIS)) {
    if (pair.name.includes(only)) results.push(await playPair(way, pair))
  }
  const spec = readOpenAiSpec(process.env.OPENAI_SPEC, OPENAI_WIRE)
  for (const pair of readEmbeddingPairs(folder)) {
    if (!pair.name.includes(only)) continue
    for (const { name, found } of await playEmbeddings(way, pair, spec)) {
      results.push(judged({ name, api: pair.api }, found, PAIR_EXCEPTIONS))
    }
  }
  await worker.stop()
  await bundle?.remove()
  await provider.close()
  return results
}
