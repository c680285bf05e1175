import { parseEnv } from 'node:util'
import { PROVIDERS } from '../../catalog/providers.ts'
import { Failure } from '../../chat/failure.ts'
import { type Env, readSettings } from '../../env.ts'
import { CliError } from '../arguments.ts'
import { DEMO_KEY } from './new-key.ts'

/** What a Worker is going to have, as far as it is known before it is deployed. */
export interface PlannedSettings {
  /** `[vars]` of wrangler.toml. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Secrets that go with this deployment. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names of the secrets that Cloudflare has already. Nobody can read their values. */
  readonly stored: readonly string[]
}

export type SettingsCheck =
  | { readonly kind: 'valid'; readonly providers: readonly string[] }
  | { readonly kind: 'no-provider' }
  | { readonly kind: 'invalid'; readonly reason: string }

/** Reads the settings as the Worker will, and more strictly: some that are fine on one's own machine may not be deployed. */
export function checkSettings({ vars, secrets, stored }: PlannedSettings): SettingsCheck {
  const settings = { ...Object.fromEntries(stored.map((name) => [name, placeholder(name)])), ...vars, ...secrets }
  const reason = unsafeSetting(vars, settings)
  if (reason !== undefined) return { kind: 'invalid', reason }
  try {
    const providers = [...readSettings(settings as Record<string, unknown> as Env).providers.keys()]
    return providers.length === 0 ? { kind: 'no-provider' } : { kind: 'valid', providers }
  } catch (error) {
    if (error instanceof Failure) return { kind: 'invalid', reason: error.message }
    throw error
  }
}

/** A value of the right form for a secret that cannot be read. */
function placeholder(name: string): string {
  if (name.endsWith('_BASE_URL') || name === 'OTLP_ENDPOINT') return 'https://stored.invalid'
  return name === 'OTLP_HEADERS' ? 'stored=stored' : 'stored'
}

/** Why a setting must not be deployed; undefined where all may. */
function unsafeSetting(
  vars: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
): string | undefined {
  const ofProviders = PROVIDERS.map(({ settingPrefix }) => [`${settingPrefix}_API_KEY`, `${settingPrefix}_BASE_URL`])
  for (const [secret = '', address = ''] of [...ofProviders, ['OTLP_HEADERS', 'OTLP_ENDPOINT']]) {
    if (vars[secret] !== undefined) {
      return `${secret} stands in wrangler.toml, where everybody can read it: make it a secret.`
    }
    const isPlainHttp = /^http:/i.test(String(settings[address] ?? ''))
    if (isPlainHttp && settings.ALLOW_HTTP_UPSTREAMS !== 'on') {
      return `${address} is an http address: keys and prompts would travel in the clear. Use https, or set ALLOW_HTTP_UPSTREAMS=on.`
    }
  }
  const demo = Object.entries(settings).find(([, value]) => String(value).includes(DEMO_KEY))
  return demo === undefined ? undefined : `${demo[0]} holds the demo key, which is for one's own machine only.`
}

/** Reads secrets from a file's text: JSON, or lines as in .dev.vars. An empty value is no secret. @throws CliError */
export function readSecrets(text: string): Record<string, string> {
  const values: Record<string, unknown> = /^\s*\{/.test(text) ? readJson(text) : parseEnv(text)
  const entries = Object.entries(values).map(([name, value]): [string, string] => [name, String(value ?? '').trim()])
  return Object.fromEntries(entries.filter(([, value]) => value !== ''))
}

function readJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    // The message of JSON.parse quotes the text, so it could show a part of a key.
    throw new CliError('the secrets are neither JSON nor lines NAME=value')
  }
}
