import { quoted } from '../chat/failure.ts'

/** A path of Router9's, and the methods that it takes. */
export interface ServedPath {
  readonly path: string
  readonly methods: readonly string[]
}

/** A longer path is no slip of a finger. */
const MAX_CHARACTERS = 100

/** What to tell a client that asks for a path which does not exist: what it may have meant, and what there is. */
export function messageForUnknown(path: string, served: readonly ServedPath[]): string {
  const all = served.map(nameOf).join(', ')
  const meant = path.length > MAX_CHARACTERS ? undefined : served.find((one) => isMeantBy(path, one))
  const hint = meant === undefined ? '' : ` Did you mean ${nameOf(meant)}?`
  return `There is nothing at ${quoted(path)}.${hint} Router9 serves ${all}.`
}

function nameOf({ path, methods }: ServedPath): string {
  return `${methods.join(' and ')} ${path.replace(/\/:(\w+)(\{.*\})?/g, '/{$1}')}`
}

/** It has a wrong beginning, a plural too many or too few, or ends too early. */
function isMeantBy(path: string, { path: known }: ServedPath): boolean {
  const [asked, own] = [plain(path), plain(known)]
  return asked !== '' && (asked === own || own.startsWith(`${asked}/`))
}

function plain(path: string): string {
  const steps = path.toLowerCase().split('/')
  return steps
    .filter((step) => step !== '' && !/^(v\d+\w*|api|openai|anthropic)$/.test(step))
    .map((step) => step.replace(/s$/, ''))
    .join('/')
}
