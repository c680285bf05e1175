import type { AccountRights } from '../access/account-rights.ts'
import type { KeyRecord } from '../access/keys.ts'
import { findProvider } from '../catalog/providers.ts'
import type { Settings } from '../env.ts'

type Bounds = Pick<KeyRecord, 'providers' | 'policy'>

interface Narrowed extends Bounds {
  readonly of: Settings
  readonly settings: Settings
}

/** By the list or the policy of a record: while a record is known, these objects stay the same. */
const cache = new WeakMap<object, Narrowed>()

/** The settings with the providers that a key may use and no others, so that nothing can be planned for another (accounts 8). */
export function settingsFor(settings: Settings, { providers, policy }: Bounds): Settings {
  const { dataCollection, regions } = policy ?? {}
  const holder = providers ?? policy
  if (holder === undefined || (!providers && dataCollection !== 'deny' && !regions)) return settings
  const known = cache.get(holder)
  if (known?.of === settings && known.providers === providers && known.policy === policy) return known.settings
  const named = providers && new Set(providers.map((name) => findProvider(name)?.id ?? name))
  const mayUse = (id: string) =>
    named?.has(id) !== false &&
    (dataCollection !== 'deny' || settings.noDataCollection.has(id)) &&
    (!regions || regions.includes(settings.providerRegions.get(id) ?? ''))
  const all = [...settings.providers]
  const narrowed = {
    ...settings,
    providers: new Map(all.filter(([id]) => mayUse(id))),
    withheld: new Set(all.flatMap(([id]) => (mayUse(id) ? [] : [id]))),
  }
  cache.set(holder, { of: settings, providers, policy, settings: narrowed })
  return narrowed
}

/** What a key may use of the operator's accounts: by its policy, or by the settings where that says nothing. */
export function rightsOf({ policy }: Bounds, settings: Settings): AccountRights {
  return {
    builtinTools: policy?.builtinTools ?? settings.allowsBuiltinTools,
    accountFields: policy?.accountFields ?? settings.allowsAccountFields,
  }
}
