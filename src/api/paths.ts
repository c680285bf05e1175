/** Whose words a client expects, by its base URL: OpenAI's own (and Azure's), or OpenRouter's (contract 1). */
export type Accent = typeof OPENAI_ACCENT | typeof OPENROUTER_ACCENT
export const OPENAI_ACCENT = 'openai'
export const OPENROUTER_ACCENT = 'openrouter'

/** What a client has said by the path of its request. */
export interface Asked {
  /** The one path by which Router9 knows what is asked. */
  readonly path: string
  readonly accent?: Accent
  /** The model, where it stands in the path as the name of a deployment. It goes before that of the body, as at Azure. */
  readonly model?: string
}

const USUAL_PATH = '/v1/chat/completions'

/** The path of a request as the router knows it. Nearly all requests have the usual one, and cost one comparison. */
export function toCanonicalPath(path: string, method: string): string {
  return path === USUAL_PATH ? path : readPath(path, method).path
}

/** Whether the path of this address may say more than where it leads. It costs a look at one character. */
export function mayHaveAccent(url: string): boolean {
  // The first slash after the two of the scheme.
  return url[url.indexOf('/', 8) + 1] !== 'v'
}

/** @param path decoded once, as the router decodes it: a slash within a name is still `%2F`. */
export function readPath(path: string, method: string): Asked {
  const plain = path.includes('//') ? withSingleSlashes(path) : path
  if (plain.startsWith(OPENAI)) return readOpenAIPath(plain)
  if (plain.startsWith(OPENROUTER))
    return { path: `/v1/${openRouterPath(plain.slice(OPENROUTER.length))}`, accent: OPENROUTER_ACCENT }
  return { path: toGeminiPath(plain, method) ?? plain }
}

/** A base URL with a slash at its end makes two of them. */
function withSingleSlashes(path: string): string {
  const plain = path.replace(/\/{2,}/g, '/')
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
}

const OPENROUTER = '/api/v1/'

/** OpenRouter's paths about models, as paths below the list of models. */
function openRouterPath(path: string): string {
  if (path.startsWith('model/')) return `models/${path.slice('model/'.length)}`
  return path === 'embeddings/models' ? 'models/embeddings' : path
}

const OPENAI = '/openai/'
const DEPLOYMENTS = '/deployments/'
/** What Azure has below a deployment, so that a name may hold a slash. The longer ends go first. */
const OPERATIONS = ['/chat/completions', '/completions', '/embeddings', '/responses']

/**
 * OpenAI's paths have `/v1` in Azure's newer API, and have none in its older one. Azure's clients put deployments below any base
 * URL.
 */
function readOpenAIPath(path: string): Asked {
  const accent = OPENAI_ACCENT
  const below = path.slice(OPENAI.length - 1).replace(/^\/v1(?=\/|$)/, '')
  if (!below.startsWith(DEPLOYMENTS)) return { path: `/v1${below}`, accent }
  const rest = below.slice(DEPLOYMENTS.length - 1)
  const operation = OPERATIONS.find((end) => rest.endsWith(end))
  const slash = operation === undefined ? rest.indexOf('/', 1) : rest.length - operation.length
  if (slash < 0) return { path: `/v1/deployments${rest}`, accent }
  const model = decoded(rest.slice(1, slash))
  return { path: `/v1${rest.slice(slash)}`, accent, ...(model === '' ? {} : { model }) }
}

/** What is no encoding stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const GEMINI = '/v1beta/'
/** Versions of Gemini's API, and what clients make of a base URL that ends in `/v1`. */
const GEMINI_VERSIONS = ['/v1alpha/', '/v1beta1/', '/v1/v1beta/', '/v1/v1beta1/', '/v1/v1alpha/']
/** What Google calls by a name before that of a model, or instead of it. */
const RESOURCE = /^(?:models|tunedModels|files|cachedContents|operations|corpora|projects)\//
/** Vertex AI has the same API below a project or without one. Google's SDK has the maker of a model there: `openai/gpt-5`. */
const VERTEX = /\/publishers\/([^/]+)\/models(?=\/|$)/
/** What stands there for a name without a maker. */
const USUAL_MAKER = 'google'
const MODELS = '/v1/models/'

/** Gemini's API has one path here, whatever its version and whether it is that of Vertex AI; undefined for other APIs' paths. */
function toGeminiPath(path: string, method: string): string | undefined {
  if (!path.startsWith('/v1')) return undefined
  const [vertex, maker] = VERTEX.exec(path) ?? []
  if (vertex !== undefined) {
    const rest = path.slice(path.indexOf(vertex) + vertex.length)
    return `${GEMINI}models${maker === USUAL_MAKER ? '' : `/${maker}`}${rest}`
  }
  // Names of models have colons too, but nobody sends anything to them.
  const asksModel = (method === 'POST' || method === 'OPTIONS') && path.includes(':')
  const version = [GEMINI, ...GEMINI_VERSIONS].find((begin) => path.startsWith(begin))
  if (version !== undefined) {
    const rest = path.slice(version.length)
    // Some clients take a name with a slash for the whole name of a resource, and put nothing before it.
    return GEMINI + (asksModel && !RESOURCE.test(rest) ? `models/${rest}` : rest)
  }
  return asksModel && path.startsWith(MODELS) ? `${GEMINI}models/${path.slice(MODELS.length)}` : undefined
}
