/** The attempts that a response's headers tell of, as `openai:503:120ms`; the only one of an answer has no header of its own. */
export function attemptsOf(headers: Headers): string[] {
  const told = headers.get('x-router9-attempts')
  if (told !== null) return told.split(',')
  const provider = headers.get('x-router9-provider')
  const ms = /upstream;dur=(\d+)/.exec(headers.get('server-timing') ?? '')?.[1]
  return provider === null ? [] : [`${provider}:200:${ms}ms`]
}
