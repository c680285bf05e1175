import path from 'node:path'

/** The repository's folder. */
export const ROOT = path.resolve(import.meta.dirname, '../../..')
/** Wrangler's configuration of the Worker. */
export const WRANGLER_TOML = path.join(ROOT, 'wrangler.toml')
