/** Stands in a sample for the key. */
export const KEY_PLACEHOLDER = 'sk-r9k-…'

/** A request as a command for a shell. `body` is JSON. */
export function curlCommand(request: {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Whether the answer is shown as it comes. */
  readonly streams?: boolean | undefined
}): string {
  const { method, url, headers, body, streams } = request
  // With data, curl sends POST by itself.
  const isPlain = method === (body === undefined ? 'GET' : 'POST')
  return [
    `curl ${streams ? '-N ' : ''}${isPlain ? '' : `-X ${method} `}${quoted(url)}`,
    ...Object.entries(headers).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`  -d ${quoted(body)}`]),
  ].join(' \\\n')
}

/** For a shell. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`
}
