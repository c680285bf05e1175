import path from 'node:path'
import { ROOT } from './root.ts'

/** Wrangler's configuration of the Worker. */
export const WRANGLER_TOML = path.join(ROOT, 'wrangler.toml')

/** Reads wrangler.toml. Wrangler is loaded here and not above, since that takes a second, and not every command needs it. */
export async function readWranglerConfig() {
  const { unstable_readConfig } = await import('wrangler')
  return unstable_readConfig({ config: WRANGLER_TOML })
}
