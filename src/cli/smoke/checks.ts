import { setTimeout as sleep } from 'node:timers/promises'
import { KEY_PREFIX, newKey } from '../../access/keys.ts'
import { VERSION } from '../../version.ts'
import { DEMO_KEY } from '../shared/new-key.ts'
import { checkKeys } from './manage.ts'
import { asObject, CheckFailed, createSite, expectHeader, expectJson, type Site, summarize } from './site.ts'
import { expectFinish, expectStream, expectUsage } from './stream.ts'

export interface SmokeOptions {
  /** The address, with or without `/v1`. */
  readonly url: string
  /** Undefined: the checks that need a key are skipped. */
  readonly key: string | undefined
  /** Undefined: the check of the API for keys is skipped. */
  readonly managementKey?: string | undefined
  readonly model: string
  /** For each response. */
  readonly timeoutMs: number
  /** How long a fresh deployment or a fresh key may take until it is visible everywhere. */
  readonly settleMs: number
  /** Called with the hash of a key that a check makes, whose record stays. */
  readonly onKey?: (hash: string) => void
}

export interface CheckResult {
  readonly name: string
  readonly outcome: 'ok' | 'FAILED' | 'skipped'
  readonly tookMs: number
  /** What the check found, or what is wrong. */
  readonly details: string
}

interface Check {
  readonly name: string
  readonly needs?: 'key' | 'managementKey'
  /** It may fail for a short time after a deployment, so it is tried again. */
  readonly settles?: boolean
  /** It would fail on one's own machine, where the demo key is accepted. */
  readonly deployedOnly?: boolean
  /** Returns what it found. @throws CheckFailed */
  readonly run: (site: Site, options: SmokeOptions) => Promise<string>
}

const RETRY_DELAY_MS = 1000
const CALLS_MS = 5000

const chat = (model: string, stream: boolean) => ({
  model,
  stream,
  // Room for reasoning; without it, the longest answer of the dearest candidate would not fit into the key's budget.
  max_tokens: 4000,
  messages: [{ role: 'user', content: 'Answer with one word: ready' }],
})

const CHECKS: readonly Check[] = [
  {
    name: 'health',
    settles: true,
    run: async (site) => {
      // Not /health: a Worker may have only the paths below /v1 of a site that is somebody else's.
      const { status, version } = expectJson(await site.send('/v1/health'), 200)
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
      const reply = await site.send('/v1/chat/completions', { method: 'OPTIONS', headers })
      if (reply.status !== 204) throw new CheckFailed(`${summarize(reply)} instead of status 204`)
      expectHeader(reply, 'access-control-allow-methods', /POST/)
      expectHeader(reply, 'access-control-allow-headers', /authorization/i)
      return 'may ask from any page'
    },
  },
  { name: 'unknown path', run: async (site) => expectError(await site.send('/v1/smoke'), 404, 'unknown_url') },
  { name: 'no key', run: async (site) => expectError(await sendChat(site, undefined), 401, null) },
  {
    name: 'bad key',
    run: async (site) => expectError(await sendChat(site, newKey()), 401, 'invalid_api_key'),
  },
  {
    name: 'demo key',
    deployedOnly: true,
    run: async (site) => expectError(await sendChat(site, DEMO_KEY), 401, 'invalid_api_key'),
  },
  {
    name: 'models',
    needs: 'key',
    settles: true,
    run: async (site, { key, model }) => {
      const data = expectList(expectJson(await site.send('/v1/models', { key }), 200))
      const ids = data.map((one) => asObject(one)?.id)
      if (ids.length === 0) throw new CheckFailed('the list is empty')
      if (!model.includes('/') && !ids.includes(model)) throw new CheckFailed(`${model} is not in the list`)
      return `${ids.length} models`
    },
  },
  {
    name: 'providers',
    needs: 'key',
    run: async (site, { key }) =>
      `${expectList(expectJson(await site.send('/v1/providers', { key }), 200)).length} in the list`,
  },
  {
    name: 'an answer',
    needs: 'key',
    run: async (site, { key, model }) => {
      const reply = await site.send('/v1/chat/completions', { method: 'POST', key, body: chat(model, false) })
      const { object: kind, choices, usage } = expectJson(reply, 200)
      if (kind !== 'text_completion') throw new CheckFailed(`the object is ${JSON.stringify(kind)}`)
      const choice = asObject(Array.isArray(choices) ? choices[0] : undefined)
      const content = asObject(choice?.message)?.content
      if (typeof content !== 'string' || content === '') throw new CheckFailed('the answer holds no text')
      expectFinish(choice?.finish_reason)
      const tokens = expectUsage(usage, 'the answer')
      return `${expectHeader(reply, 'x-router9-provider', /./)}/${expectHeader(reply, 'x-router9-model', /./)}, ${tokens} tokens`
    },
  },
  {
    name: 'a stream',
    needs: 'key',
    run: async (site, { key, model }) => {
      const reply = await site.send('/v1/chat/completions', { method: 'POST', key, body: chat(model, true) })
      if (reply.status !== 200) throw new CheckFailed(`${summarize(reply)} instead of status 200`)
      return expectStream(reply)
    },
  },
  {
    name: 'usage',
    needs: 'key',
    run: async (site, { key }) => {
      const reply = await site.send('/v1/usage', { key })
      if (reply.status === 501) return 'is switched off'
      // The sums follow within minutes, but they have their tables.
      const requests = asObject(expectJson(reply, 200).totals)?.requests
      if (typeof requests !== 'number') throw new CheckFailed('the answer holds no totals')
      return `${await expectCalls(site, key)} calls, ${requests} of them in the sums`
    },
  },
  {
    name: 'keys and a budget',
    needs: 'managementKey',
    run: (site, { managementKey = '', model, settleMs, onKey }) =>
      checkKeys(site, { managementKey, model, settleMs, onKey }),
  },
]

/** Checks a running Router9 from outside, one check after the other. */
export async function runSmoke(options: SmokeOptions): Promise<readonly CheckResult[]> {
  const site = createSite(options.url.replace(/\/+(v1\/*)?$/, ''), options.timeoutMs)
  const results: CheckResult[] = []
  for (const check of CHECKS) {
    if (check.deployedOnly === true && isOnThisMachine(options.url)) continue
    results.push(await runCheck(check, site, options))
  }
  return results
}

/** Whether an address belongs to this machine. */
export function isOnThisMachine(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

async function runCheck(check: Check, site: Site, options: SmokeOptions): Promise<CheckResult> {
  const { name } = check
  const { key, managementKey, settleMs } = options
  if (check.needs !== undefined && options[check.needs] === undefined) {
    const details = check.needs === 'key' ? 'no key was given' : 'no management key was given'
    return { name, outcome: 'skipped', tookMs: 0, details }
  }
  const startedAt = performance.now()
  const elapsedMs = () => Math.round(performance.now() - startedAt)
  const withoutKey = (text: string) =>
    [key, managementKey].reduce<string>((cut, one) => (one ? cut.replaceAll(one, `${KEY_PREFIX}…`) : cut), text)
  for (;;) {
    try {
      return { name, outcome: 'ok', details: withoutKey(await check.run(site, options)), tookMs: elapsedMs() }
    } catch (error) {
      if (!(error instanceof CheckFailed)) throw error
      const isFinal = check.settles !== true || elapsedMs() + RETRY_DELAY_MS > settleMs
      if (isFinal) return { name, outcome: 'FAILED', details: withoutKey(error.message), tookMs: elapsedMs() }
      await sleep(RETRY_DELAY_MS)
    }
  }
}

function sendChat(site: Site, key: string | undefined) {
  return site.send('/v1/chat/completions', { method: 'POST', key, body: chat('auto', false) })
}

function expectError(reply: Parameters<typeof expectJson>[0], status: number, code: string | null): string {
  const error = asObject(expectJson(reply, status).error)
  const members = ['message', 'type', 'param', 'code'].every((member) => error !== undefined && member in error)
  if (!members) throw new CheckFailed(`status ${status}, but its body is not {error: {message, type, param, code}}`)
  if (error?.code !== code) throw new CheckFailed(`the error's code is ${JSON.stringify(error?.code)}`)
  return `refused: ${status}${code === null ? '' : ` ${code}`}`
}

/** How many calls of the key are known: each a second or two after its end, or never if `CALL_HISTORY` says so. @throws CheckFailed */
async function expectCalls(site: Site, key: string | undefined): Promise<number> {
  const until = Date.now() + CALLS_MS
  for (;;) {
    const { data } = expectJson(await site.send('/v1/calls', { key }), 200)
    const count = Array.isArray(data) ? data.length : 0
    if (count > 0 || Date.now() > until) return count
    await sleep(RETRY_DELAY_MS)
  }
}

function expectList({ object: kind, data }: Record<string, unknown>): readonly unknown[] {
  if (kind !== 'list' || !Array.isArray(data)) throw new CheckFailed('the body is no list')
  return data
}
