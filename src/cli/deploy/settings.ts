import { parseEnv } from 'node:util'
import { KEY_PREFIX } from '../../access/keys.ts'
import { PROVIDERS } from '../../catalog/providers.ts'
import { Failure } from '../../chat/failure.ts'
import { type Env, readSettings } from '../../env.ts'

/** Something that stops a program of the command line; its message says what to do. */
export class CliError extends Error {}

/** What a Worker is going to have, as far as it is known before it is deployed. */
export interface Given {
  /** `[vars]` of wrangler.toml. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Secrets that go with this deployment. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names of secrets that Cloudflare has already; what they hold cannot be read. */
  readonly stored: readonly string[]
}

export type SettingsCheck =
  | { readonly kind: 'sane'; readonly providers: readonly string[] }
  | { readonly kind: 'no-provider' }
  | { readonly kind: 'senseless'; readonly complaint: string }

/** Reads the settings as the Worker would, and stricter: what is good enough for one's own machine may not be deployed. */
export function judge(given: Given): SettingsCheck {
  const settings = {
    ...Object.fromEntries(given.stored.map((name) => [name, standIn(name)])),
    ...given.vars,
    ...given.secrets,
  }
  const complaint = unfitComplaint(given.vars, settings)
  if (complaint !== undefined) return { kind: 'senseless', complaint }
  try {
    const providers = [...readSettings(settings as Record<string, unknown> as Env).providers.keys()]
    return providers.length === 0 ? { kind: 'no-provider' } : { kind: 'sane', providers }
  } catch (error) {
    if (error instanceof Failure) return { kind: 'senseless', complaint: error.message }
    throw error
  }
}

/** A value of the right form for a secret that cannot be read back. */
function standIn(name: string): string {
  return name.endsWith('_BASE_URL') ? 'https://stored.invalid' : 'stored'
}

function unfitComplaint(
  vars: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const { settingPrefix } of PROVIDERS) {
    if (vars[`${settingPrefix}_API_KEY`] !== undefined) {
      return `${settingPrefix}_API_KEY stands in wrangler.toml, where everybody can read it: make it a secret.`
    }
    const clear = /^http:/i.test(String(settings[`${settingPrefix}_BASE_URL`] ?? ''))
    if (clear && settings.ALLOW_HTTP_UPSTREAMS !== 'on') {
      return `${settingPrefix}_BASE_URL is an http address: keys and prompts would travel in the clear. Use https, or set ALLOW_HTTP_UPSTREAMS=on.`
    }
  }
  const demo = Object.entries(settings).find(([, value]) => String(value).includes(`${KEY_PREFIX}demo`))
  return demo === undefined ? undefined : `${demo[0]} holds the demo key, which is for one's own machine only.`
}

/** Secrets out of a file's text: JSON, or lines as in .dev.vars. An empty one is none. @throws Stop */
export function readSecrets(text: string): Record<string, string> {
  const values: Record<string, unknown> = /^\s*\{/.test(text) ? readJson(text) : parseEnv(text)
  const entries = Object.entries(values).map(([name, value]): [string, string] => [name, String(value ?? '').trim()])
  return Object.fromEntries(entries.filter(([, value]) => value !== ''))
}

function readJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    // JSON.parse's own message quotes the text, and so a part of a key.
    throw new CliError('the secrets are neither JSON nor lines NAME=value')
  }
}
