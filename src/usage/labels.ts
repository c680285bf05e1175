import { mayHoldKey, redactKeys } from '../chat/failure.ts'
import type { Label } from './entry.ts'

type HeaderReader = (name: string) => string | null
/** What a request says of whose work it is; nothing of it decides anything. */
export type WorkLabels = Readonly<
  Record<Extract<Label, 'client' | 'project' | 'agent' | 'parent_agent' | 'session'>, string | undefined>
>

const MAX_CHARACTERS = 100
/** In which headers clients say it; the first one that says something counts. */
const SESSION = [
  'x-session-id',
  'session-id',
  'session_id',
  'x-claude-code-session-id',
  'x-opencode-session',
  'x-amp-thread-id',
]
const AGENT = ['x-claude-code-agent-id', 'x-openai-subagent']
const PARENT = ['x-claude-code-parent-agent-id', 'x-codex-parent-thread-id']
const PROJECT = ['x-router9-project', 'x-title', 'x-openrouter-title', 'http-referer']

/** The first word of its name without the version, which would make a client of its own of each. */
const CLIENT = /^\s*(\S*?)(?:\/v?\d\S*)?(?:\s|$)/

/**
 * @param project what the body names as its project.
 * @param isUnnamed no header names the session: that is known already, and each look at a header costs something.
 */
export function labelsOf(header: HeaderReader, project: string | undefined, isUnnamed = false): WorkLabels {
  const client = CLIENT.exec(header('user-agent') ?? '')?.[1]
  const session = isUnnamed ? '' : first(header, SESSION)
  // Whoever names agents names their session: other clients are not asked.
  const hasAgents = session !== ''
  return {
    client: label(client),
    session,
    project: first(header, PROJECT) || label(project),
    agent: hasAgents ? first(header, AGENT) : undefined,
    parent_agent: hasAgents ? first(header, PARENT) : undefined,
  }
}

/** The project that `metadata` of a body names. */
export function projectIn({ metadata }: Readonly<Record<string, unknown>>): string | undefined {
  const { project } = Object(metadata) as Record<string, unknown>
  return typeof project === 'string' ? label(project) : undefined
}

function first(header: HeaderReader, names: readonly string[]): string {
  for (let at = 0; at < names.length; at++) {
    const text = label(header(names[at] ?? ''))
    if (text !== '') return text
  }
  return ''
}

/** Most labels are. */
const IS_PLAIN = /^[!-~]+(?: [!-~]+)*$/

/** Anybody may write anything in a header, a key too. */
function label(text: string | null | undefined): string {
  if (!text) return ''
  const begin = text.slice(0, 2 * MAX_CHARACTERS)
  const plain = IS_PLAIN.test(begin) ? begin : begin.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return (mayHoldKey(plain) ? redactKeys(plain) : plain).slice(0, MAX_CHARACTERS)
}
