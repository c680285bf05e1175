import { setTimeout as sleep } from 'node:timers/promises'
import { asObject, CheckFailed, expectJson, type Reply, readJson, type Site, summarize } from './site.ts'

export interface ManageOptions {
  readonly managementKey: string
  /** The model that is asked for with a budget that no answer fits into. */
  readonly model: string
  /** How long a fresh key may take until it is accepted everywhere. */
  readonly settleMs: number
  /** Called with the hash of the key that the check makes; its record stays after the check, revoked. */
  readonly onKey?: ((hash: string) => void) | undefined
}

/** In US dollars: less than any answer may cost that has a price. */
const BUDGET = 0.000_000_1
const KEY_MS = 3_600_000
const RETRY_DELAY_MS = 1000

/**
 * Makes a key by the HTTP API, sees that its budget refuses a call and that the API knows the key, and revokes it.
 * @throws CheckFailed
 */
export async function checkKeys(site: Site, options: ManageOptions): Promise<string> {
  const { managementKey: manager, onKey } = options
  const fields = { name: 'smoke test', limit: BUDGET, rpm: 60, expires_at: new Date(Date.now() + KEY_MS).toISOString() }
  const made = expectJson(await site.send('/v1/keys', { method: 'POST', key: manager, body: fields }), 201)
  const { key, data } = made
  const hash = asObject(data)?.hash
  if (typeof key !== 'string' || typeof hash !== 'string') throw new CheckFailed('the answer holds no key, or no hash')
  onKey?.(hash)
  const path = `/v1/keys/${hash}`
  try {
    const refusal = await expectRefusal(site, key, options)
    const entry = asObject(expectJson(await site.send(path, { key: manager }), 200).data)
    if (entry?.limit !== BUDGET) throw new CheckFailed(`the limit of the key is ${JSON.stringify(entry?.limit)}`)
    return `made, ${refusal}, revoked`
  } finally {
    expectJson(await site.send(path, { method: 'DELETE', key: manager }), 200)
  }
}

/** Asks with the key until it is known; then its budget must refuse the call, or the model must cost nothing. */
async function expectRefusal(site: Site, key: string, { model, settleMs }: ManageOptions): Promise<string> {
  const until = Date.now() + settleMs
  for (;;) {
    const reply = await askOnce(site, key, model)
    const code = asObject(readJson(reply.text)?.error)?.code
    if (reply.status === 429 && code === 'insufficient_quota') return 'its budget held'
    if (reply.status === 403 && code === 'unpriced_model') return 'refused for want of a price'
    if (reply.status === 200) {
      const usage = asObject(expectJson(await site.send('/v1/key', { key }), 200).data)?.usage
      if (usage === 0) return 'answered at no cost'
      throw new CheckFailed(`a call was answered that the budget has no room for; usage ${JSON.stringify(usage)}`)
    }
    if (reply.status !== 401 || Date.now() + RETRY_DELAY_MS > until) {
      throw new CheckFailed(`with a budget that is too small: ${summarize(reply)}`)
    }
    await sleep(RETRY_DELAY_MS)
  }
}

function askOnce(site: Site, key: string, model: string): Promise<Reply> {
  const body = { model, messages: [{ role: 'user', content: 'Answer with one word: ready' }] }
  return site.send('/v1/chat/completions', { method: 'POST', key, body })
}
