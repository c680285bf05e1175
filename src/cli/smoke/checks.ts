import { setTimeout as sleep } from 'node:timers/promises'
import { KEY_PREFIX } from '../../access/keys.ts'
import { randomText } from '../../platform/random.ts'
import { VERSION } from '../../version.ts'
import { CheckFailed, inShort, object, type Site, siteAt, wantHeader, wantJson } from './site.ts'
import { wantFinish, wantStream, wantUsage } from './stream.ts'

/** What is to be looked at, and how. */
export interface Smoke {
  /** The address, with or without `/v1`. */
  readonly url: string
  /** Without a key, only what needs none is checked. */
  readonly key: string | undefined
  readonly model: string
  readonly timeoutMs: number
  /** A fresh deployment, or a fresh key, is given this long to be seen everywhere. */
  readonly settleMs: number
}

/** What became of one check. */
export interface Checked {
  readonly name: string
  readonly result: 'ok' | 'FAILED' | 'skipped'
  readonly tookMs: number
  readonly says: string
}

interface Check {
  readonly name: string
  readonly needsKey?: boolean
  /** What may be wrong for a moment, after a deployment. */
  readonly settles?: boolean
  /** Known only on the machine where it was made. */
  readonly deployedOnly?: boolean
  /** Says what it found. @throws Broken */
  readonly run: (site: Site, smoke: Smoke) => Promise<string>
}

const BETWEEN_TRIES_MS = 1000
const NEW_KEY_CHARACTERS = 40
const DEMO_KEY = `${KEY_PREFIX}demo`

const chat = (model: string, stream: boolean) => ({
  model,
  stream,
  messages: [{ role: 'user', content: 'Answer with one word: ready' }],
})

const CHECKS: readonly Check[] = [
  {
    name: 'health',
    settles: true,
    run: async (site) => {
      // Where the Worker has only the paths below /v1 of a site, /health is somebody else's.
      const { status, version } = wantJson(await site.ask('/v1/health'), 200)
      if (status !== 'ok') throw new CheckFailed(`the status is ${JSON.stringify(status)}`)
      if (version !== VERSION) throw new CheckFailed(`version ${String(version)} answers, and this is ${VERSION}`)
      return `version ${VERSION}`
    },
  },
  {
    name: 'browsers',
    run: async (site) => {
      const headers = {
        origin: 'https://example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      }
      const reply = await site.ask('/v1/chat/completions', { method: 'OPTIONS', headers })
      if (reply.status !== 204) throw new CheckFailed(`${inShort(reply)} instead of status 204`)
      wantHeader(reply, 'access-control-allow-methods', /POST/)
      wantHeader(reply, 'access-control-allow-headers', /authorization/i)
      return 'may ask from any page'
    },
  },
  { name: 'unknown path', run: async (site) => wantError(await site.ask('/v1/smoke'), 404, 'unknown_url') },
  { name: 'no key', run: async (site) => wantError(await ask(site, undefined), 401, null) },
  {
    name: 'bad key',
    run: async (site) =>
      wantError(await ask(site, KEY_PREFIX + randomText(NEW_KEY_CHARACTERS)), 401, 'invalid_api_key'),
  },
  {
    name: 'demo key',
    deployedOnly: true,
    run: async (site) => wantError(await ask(site, DEMO_KEY), 401, 'invalid_api_key'),
  },
  {
    name: 'models',
    needsKey: true,
    settles: true,
    run: async (site, { key, model }) => {
      const data = wantList(wantJson(await site.ask('/v1/models', { key }), 200))
      const ids = data.map((one) => object(one)?.id)
      if (ids.length === 0) throw new CheckFailed('the list is empty')
      if (!model.includes('/') && !ids.includes(model)) throw new CheckFailed(`${model} is not in the list`)
      return `${ids.length} models`
    },
  },
  {
    name: 'providers',
    needsKey: true,
    run: async (site, { key }) =>
      `${wantList(wantJson(await site.ask('/v1/providers', { key }), 200)).length} in the list`,
  },
  {
    name: 'an answer',
    needsKey: true,
    run: async (site, { key, model }) => {
      const reply = await site.ask('/v1/chat/completions', { method: 'POST', key, body: chat(model, false) })
      const { object: kind, choices, usage } = wantJson(reply, 200)
      if (kind !== 'text_completion') throw new CheckFailed(`the object is ${JSON.stringify(kind)}`)
      const choice = object(Array.isArray(choices) ? choices[0] : undefined)
      const content = object(choice?.message)?.content
      if (typeof content !== 'string' || content === '') throw new CheckFailed('the answer holds no text')
      wantFinish(choice?.finish_reason)
      const tokens = wantUsage(usage, 'the answer')
      return `${wantHeader(reply, 'x-router9-provider', /./)}/${wantHeader(reply, 'x-router9-model', /./)}, ${tokens} tokens`
    },
  },
  {
    name: 'a stream',
    needsKey: true,
    run: async (site, { key, model }) => {
      const reply = await site.ask('/v1/chat/completions', { method: 'POST', key, body: chat(model, true) })
      if (reply.status !== 200) throw new CheckFailed(`${inShort(reply)} instead of status 200`)
      return wantStream(reply)
    },
  },
]

/** Looks at a running Router9 from outside, one thing after the other. */
export async function runSmoke(smoke: Smoke): Promise<readonly Checked[]> {
  const site = siteAt(smoke.url.replace(/\/+(v1\/*)?$/, ''), smoke.timeoutMs)
  const checked: Checked[] = []
  for (const check of CHECKS) {
    if (check.deployedOnly === true && isHere(smoke.url)) continue
    checked.push(await run(check, site, smoke))
  }
  return checked
}

/** Whether an address is one of this machine. */
export function isHere(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

async function run(check: Check, site: Site, smoke: Smoke): Promise<Checked> {
  const { name } = check
  if (check.needsKey === true && smoke.key === undefined) {
    return { name, result: 'skipped', tookMs: 0, says: 'no key was given' }
  }
  const from = performance.now()
  const took = () => Math.round(performance.now() - from)
  const says = (text: string) => (smoke.key === undefined ? text : text.replaceAll(smoke.key, `${KEY_PREFIX}…`))
  for (;;) {
    try {
      return { name, result: 'ok', says: says(await check.run(site, smoke)), tookMs: took() }
    } catch (error) {
      if (!(error instanceof CheckFailed)) throw error
      const over = check.settles !== true || took() + BETWEEN_TRIES_MS > smoke.settleMs
      if (over) return { name, result: 'FAILED', says: says(error.message), tookMs: took() }
      await sleep(BETWEEN_TRIES_MS)
    }
  }
}

function ask(site: Site, key: string | undefined) {
  return site.ask('/v1/chat/completions', { method: 'POST', key, body: chat('auto', false) })
}

function wantError(reply: Parameters<typeof wantJson>[0], status: number, code: string | null): string {
  const error = object(wantJson(reply, status).error)
  const members = ['message', 'type', 'param', 'code'].every((member) => error !== undefined && member in error)
  if (!members) throw new CheckFailed(`status ${status}, but its body is not {error: {message, type, param, code}}`)
  if (error?.code !== code) throw new CheckFailed(`the error's code is ${JSON.stringify(error?.code)}`)
  return `refused: ${status}${code === null ? '' : ` ${code}`}`
}

function wantList({ object: kind, data }: Record<string, unknown>): readonly unknown[] {
  if (kind !== 'list' || !Array.isArray(data)) throw new CheckFailed('the body is no list')
  return data
}
