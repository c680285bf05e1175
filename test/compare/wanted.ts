import type { Difference } from './differences.ts'

/** A change that was wanted. */
interface Wanted {
  readonly reason: string
  readonly covers: (difference: Difference) => boolean
}

/** What has an API of its own now, where there was an unknown path. */
const NEW_PATHS = /^(\/v1)?\/(embeddings|v1(alpha|beta1?)|openai|api\/v1)\b|^\/v1\/models\/[^?]+:\w+(\?|$)|\/\//

const KNOWN_PATHS = /^(\/v1)?\/(chat\/completions|completions|messages|responses|models|providers|route)\b/
const MODELS_PATH = /^(\/v1)?\/models\b/
const TEXT_MODELS = /gpt-3\.5-turbo-instruct|(davinci|babbage)-002/
const MAKES_VECTORS = /"output":\["embedding"\]/

/** Every change of behaviour that is meant, with its reason. A difference that is not here is a fault. */
const WANTED: readonly Wanted[] = [
  {
    reason: 'the Gemini API, embeddings, and the base URLs of other clients have paths',
    covers: ({ request }) => request.method !== '' && NEW_PATHS.test(request.path),
  },
  {
    reason: 'an unknown path says what there is, and there is more',
    covers: ({ request, part }) =>
      request.method !== '' && !KNOWN_PATHS.test(request.path) && /^(body|header content-length)$/.test(part),
  },
  {
    reason: 'models that make vectors, or only continue texts, are in the catalogue',
    covers: ({ request, part, before, after }) =>
      MODELS_PATH.test(request.path) &&
      (part !== 'body' || onlyAdds(before, after) || (/does not exist/.test(before) && MAKES_VECTORS.test(after))),
  },
  {
    reason: 'models that only continue texts refuse chats, or are known now',
    covers: ({ request }) => TEXT_MODELS.test(`${request.path} ${request.body ?? ''}`),
  },
  {
    reason: 'Bedrock makes vectors, and is a provider',
    covers: ({ request, part, before, after }) =>
      /^(\/v1)?\/providers\b/.test(request.path) &&
      (part !== 'body' || after.replace(/\{"id":"bedrock"[^{}]*\},/, '') === before),
  },
]

/** Whether a list of models has all that it had, as it was, and more between. OpenAI's own model of text completions has more providers. */
function onlyAdds(before: string, after: string): boolean {
  const [old = [], now = []] = [before, after].map((text) => {
    const rows = (JSON.parse(text) as { data?: { id: string }[] }).data ?? []
    return rows.filter(({ id }) => id !== 'gpt-3.5-turbo-instruct').map((row) => JSON.stringify(row))
  })
  return old.length > 0 && now.filter((row) => old.includes(row)).join() === old.join()
}

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
