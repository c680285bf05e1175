import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import type { Cores } from './cores.ts'

const require = createRequire(import.meta.url)

/** What the figures were measured on. */
export function machine(cores: Cores | undefined) {
  const [first] = os.cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: os.cpus().length,
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.platform()} ${os.release()} ${os.arch()}`,
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
    pinned: cores ?? null,
  }
}

/** What was measured with. */
export function versions() {
  return { node: process.version, workerd: versionOf('workerd'), wrangler: versionOf('wrangler') }
}

function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string }
  return version
}
