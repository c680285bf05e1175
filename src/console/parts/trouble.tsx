import type { ApiError } from '../api/request.ts'

/** What to do, by what went wrong. */
const ADVICE: Readonly<Record<string, string>> = {
  insufficient_quota: 'The budget of this key is used up: raise it on Keys, or wait until it begins anew.',
  rate_limit_exceeded: 'The limit of this key is reached: wait, or raise it on Keys.',
  upstream_rate_limited: 'Every provider that could answer limits us: wait, or compare with another model.',
  model_not_allowed: 'Take another model, or change on Keys what this key may use.',
  wrong_key_role: 'Use a key of the other kind: one for models, or one that manages keys.',
  model_not_capable: 'Take a model that can do this, or auto.',
  model_not_found: 'Take a model from the list: it has those that can answer now.',
  invalid_api_key: 'Sign out, and in again with a key that is valid. What is written here stays.',
  context_length_exceeded: 'Shorten the prompt, or take a model with a larger window.',
  no_provider_configured: 'Set the key of a provider: the quick start says how.',
}
/** Some formats have a code of their own, or none. */
const BY_STATUS: Readonly<Record<number, string>> = { 401: 'invalid_api_key', 404: 'model_not_found' }
const PAGES: Readonly<Record<string, string>> = {
  Keys: '/console/keys',
  Now: '/console/health',
  'quick start': '/docs/quick-start',
}

/** The text, with the names of pages as links to them. */
function withLinks(text: string) {
  return text.split(/\b(Keys|Now|quick start)\b/).map((part, at) =>
    PAGES[part] === undefined ? (
      part
    ) : (
      <a key={at} href={PAGES[part]}>
        {part}
      </a>
    ),
  )
}

/** An error of Router9's, with what to do. */
export function Trouble(props: {
  error: ApiError
  /** Seconds, as the header says it. */
  retryAfter: string | undefined
  /** Whether an answer had begun. */
  isBroken?: boolean
  /** Whether the request was about a model. */
  namesModel: boolean
}) {
  const { error, retryAfter, isBroken = false, namesModel } = props
  const { code = '', status, param, message } = error
  const advice =
    ADVICE[code.toLowerCase()] ??
    ADVICE[(namesModel && BY_STATUS[status]) || ''] ??
    (isBroken
      ? 'What is above is not the whole answer. Send it again; Now shows how the provider does.'
      : status === 429 || status >= 500 || status === 0
        ? 'Send it again in a moment; Now shows how the providers do.'
        : status >= 400
          ? 'Change the request and send it again.'
          : '')
  return (
    <div class="notice bad trouble" role="alert">
      <p>{message}</p>
      <p class="muted">
        {[
          status > 0 && `Status ${status}`,
          code,
          param && `field ${param}`,
          retryAfter && `try again in ${retryAfter} s`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {advice && <p>{withLinks(advice)}</p>}
    </div>
  )
}
