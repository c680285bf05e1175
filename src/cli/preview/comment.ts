import { CliError } from '../arguments.ts'
import { runCommand } from '../shared/run-command.ts'

/** The pull request that gets the comment. */
export interface PullRequest {
  /** The address of GitHub's API. */
  readonly apiUrl: string
  /** owner/name */
  readonly repository: string
  readonly token: string
  readonly number: number
}

/** The comment begins with this line, so that the next run finds it and replaces its text. */
const MARK = '<!-- router9-preview -->'
const TIMEOUT_MS = 60_000

/** Writes the preview's comment, or replaces its text where it exists; `onlyReplace` writes no new one. @throws CliError */
export async function writeComment(
  pullRequest: PullRequest,
  text: string,
  { onlyReplace = false } = {},
): Promise<void> {
  const path = `issues/${pullRequest.number}/comments`
  const id = await findComment(pullRequest, path)
  if (id === undefined && onlyReplace) return
  const target = id === undefined ? ['--method', 'POST', path] : ['--method', 'PATCH', `issues/comments/${id}`]
  await callGithub(pullRequest, [...target, '--silent', '--field', 'body=@-'], `${MARK}\n${text}`)
}

async function findComment(pullRequest: PullRequest, path: string): Promise<number | undefined> {
  const lines = await callGithub(pullRequest, ['--paginate', '--jq', '.[] | {id, body}', `${path}?per_page=100`])
  const comments: readonly { id: number; body: string | null }[] = lines
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  return comments.find(({ body }) => body?.startsWith(MARK))?.id
}

/** Calls GitHub's API with GitHub's own program, which GitHub's runners have. Paths begin at the repository. */
async function callGithub(
  { apiUrl, repository, token }: PullRequest,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const ghArgs = args.map((one) => (one.startsWith('issues/') ? `${apiUrl}/repos/${repository}/${one}` : one))
  // The second variable is for servers other than github.com.
  const env = { GH_TOKEN: token, GH_ENTERPRISE_TOKEN: token }
  const options = { env, timeoutMs: TIMEOUT_MS, ...(input === undefined ? {} : { input }) }
  const result = await runCommand('gh', ['api', ...ghArgs], options).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new CliError("The comment needs GitHub's program gh, which is not installed here.")
    throw error
  })
  if (result.status !== 0) throw new CliError(`The comment could not be written: ${result.stderr.trim()}`)
  return result.stdout
}
