/** Where a pull request's comments are. */
export interface Conversation {
  /** GitHub's API. */
  readonly api: string
  /** owner/name */
  readonly repository: string
  readonly token: string
  readonly pullRequest: number
}

/** Marks the one comment that is written anew each time. */
const MARK = '<!-- router9-preview -->'
const PAGE_ITEMS = 100
const TIMEOUT_MS = 30_000

/** Writes the preview's comment, or writes over it where it is there; `onlyOver` makes no new one. */
export async function comment(where: Conversation, text: string, { onlyOver = false } = {}): Promise<void> {
  const { repository, pullRequest } = where
  const body = `${MARK}\n${text}`
  const id = await findComment(where)
  if (id !== undefined) await call(where, 'PATCH', `/repos/${repository}/issues/comments/${id}`, { body })
  else if (!onlyOver) await call(where, 'POST', `/repos/${repository}/issues/${pullRequest}/comments`, { body })
}

async function findComment(where: Conversation): Promise<number | undefined> {
  for (let page = 1; ; page++) {
    const path = `/repos/${where.repository}/issues/${where.pullRequest}/comments?per_page=${PAGE_ITEMS}&page=${page}`
    const comments = (await call(where, 'GET', path)) as readonly { id: number; body?: string }[]
    const found = comments.find(({ body }) => body?.startsWith(MARK))
    if (found !== undefined || comments.length < PAGE_ITEMS) return found?.id
  }
}

async function call({ api, token }: Conversation, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(api + path, {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`GitHub answers ${response.status} to ${method} ${path.split('?')[0]}`)
  return response.json()
}
