import { spawnSync } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import { listen } from '../harness/listen.ts'
import { type Call, closed, readCall } from './cloudflare-stand-in.ts'

export interface GithubStandIn {
  readonly url: string
  /** A test may empty it. */
  readonly calls: Call[]
  /** The comments of the one pull request there is, by number. */
  readonly comments: ReadonlyMap<number, string>
  readonly close: () => Promise<void>
}

export const REPOSITORY = 'owner/router9'
export const GITHUB_TOKEN = 'github-token-of-the-test'

/** A PATH on which there is a program gh: GitHub's own where it is installed, otherwise one that makes the same calls. */
export function pathWithGh(): string {
  const { PATH = '' } = process.env
  const isInstalled = spawnSync('gh', ['--version']).status === 0
  return isInstalled ? PATH : [path.join(import.meta.dirname, 'programs'), PATH].join(path.delimiter)
}

/** GitHub's API, as far as the preview's comment needs it. */
export async function startGithub(): Promise<GithubStandIn> {
  const calls: Call[] = []
  const comments = new Map([[1, 'Looks good to me.']])
  const server = http.createServer(async (request, response) => {
    const call = await readCall(request, `/repos/${REPOSITORY}`)
    calls.push(call)
    const [status, body] = answer(call, request.headers.authorization)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const answer = ({ method, path, json }: Call, authorization: string | undefined): [number, unknown] => {
    if (authorization !== `token ${GITHUB_TOKEN}`) return [401, { message: 'Bad credentials' }]
    const body = (json as { body?: string } | undefined)?.body ?? ''
    if (method === 'GET' && path === '/issues/7/comments') {
      return [200, [...comments].map(([id, text]) => ({ id, body: text }))]
    }
    if (method === 'POST' && path === '/issues/7/comments') {
      const id = comments.size + 1
      comments.set(id, body)
      return [201, { id, body }]
    }
    const [, number] = /^\/issues\/comments\/(\d+)$/.exec(path) ?? []
    if (method === 'PATCH' && comments.has(Number(number))) {
      comments.set(Number(number), body)
      return [200, { id: Number(number), body }]
    }
    return [404, { message: 'Not Found' }]
  }
  const port = await listen(server)
  return { url: `http://127.0.0.1:${port}`, calls, comments, close: () => closed(server) }
}
