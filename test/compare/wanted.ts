import type { Difference } from './differences.ts'

/** A change that was wanted. */
interface Wanted {
  readonly reason: string
  readonly covers: (difference: Difference) => boolean
}

/** Served by the Responses API of their makers alone, so that only resellers could be asked for them, or nobody rightly. */
const RESPONSES_ONLY =
  /\b(codex-mini|gpt-5(\.\d+)?-(codex|pro)|o[13]-pro|o[34](-mini)?-deep-research|grok-[\d.]+-multi-agent)/

/** Models that refuse a call of a tool without the reasoning that led to it. */
const WANTS_REASONING = /"model":"[^"]*(deepseek|kimi|moonshot)[^"]*".*"tool_calls"/s

/** What was there before other APIs had paths of their own. */
const OLD_PATHS = /^(\/v1)?\/(chat\/completions|completions|models|providers|route)\b/

const OUTCOMES: Readonly<Record<string, string>> = { pre: 'failed-before-first-token', post: 'failed-mid-stream' }

/** Every change of behaviour that is meant, with its reason. A difference that is not here is a fault. */
const WANTED: readonly Wanted[] = [
  {
    reason: 'text completions are a new client format, at a path that was not there',
    covers: ({ request }) => /^(\/v1)?\/completions\/?(\?|$)/.test(request.path),
  },
  {
    reason: 'why a deployment is out is told in plain words by what explains routes and providers',
    covers: ({ request, part, before, after }) =>
      /^\/v1\/(route|providers)$/.test(request.path) &&
      part === 'body' &&
      before.replace(/"reason":"(pre|post)"/g, (_, name) => `"reason":"${OUTCOMES[name]}"`) === after,
  },
  {
    reason: 'scripts in a browser may read whether a count is an estimate',
    covers: ({ part, before, after }) =>
      part === 'header access-control-expose-headers' &&
      before.replace('-dropped-params,', '-dropped-params, x-router9-estimated,') === after,
  },
  {
    reason: 'keys come in the headers of all APIs',
    covers: ({ part, before, after }) =>
      part === 'header access-control-allow-headers' &&
      after.replace(/, (x-api-key|api-key|x-goog-api-key|anthropic-version|anthropic-beta)/g, '') === before,
  },
  {
    reason:
      'other APIs have paths, an unknown path says what there is, and clients that look first find that somebody is there',
    covers: ({ request }) => request.method !== '' && !OLD_PATHS.test(request.path),
  },
  {
    reason: 'custom tools reach providers that have none, as functions with one text',
    covers: ({ request }) => /"type":"custom"/.test(String(request.body)),
  },
  {
    reason: 'a session that its client has named is found again in the cache of its provider',
    covers: ({ part }) => part === 'upstream header x-grok-conv-id',
  },
  {
    reason:
      'where a conversation has lost the reasoning that a provider insists on, it is asked once more with a placeholder',
    covers: ({ request }) => WANTS_REASONING.test(String(request.body)),
  },
  {
    reason: 'the models that are offered only by the Responses API of their makers are asked for there',
    covers: ({ request, before, after }) =>
      /^(\/v1)?\/models\b/.test(request.path) ||
      RESPONSES_ONLY.test(request.method === '' ? before + after : String(request.body)),
  },
]

/** Takes out what is meant, and counts it by its reason. */
export function withoutWanted(differences: readonly Difference[]): {
  unwanted: Difference[]
  wanted: Record<string, number>
} {
  const unwanted: Difference[] = []
  const wanted: Record<string, number> = {}
  for (const difference of differences) {
    const reason = WANTED.find(({ covers }) => covers(difference))?.reason
    if (reason === undefined) unwanted.push(difference)
    else wanted[reason] = (wanted[reason] ?? 0) + 1
  }
  return { unwanted, wanted }
}
