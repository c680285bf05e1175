import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import versions from './versions.json' with { type: 'json' }

const INSTALL_LIMIT_MS = 300_000
const MARK = 'installed.json'
const run = promisify(execFile)

/** Where clients are kept from run to run, outside the repository. */
export const CACHE = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'router9-clients')

/** What is installed for a client. */
export interface Packages {
  /** As in the table; what stands before its first comma names the folder, so rows of the same packages share one. */
  readonly name: string
  /** The one whose version is shown first. A version stands in `versions.json`, or behind an @. */
  readonly packages: readonly string[]
  readonly language?: 'python'
}

/** The version of a client's first package. */
export function versionOf({ packages: [first = ''], language }: Packages): string {
  return pinned(first, language)
}

function pinned(name: string, language: Packages['language']): string {
  const [bare = '', at] = name.split(/(?<=.)@/)
  if (at !== undefined) return at
  const found = new Map(Object.entries(language === 'python' ? versions.pypi : versions.npm)).get(bare)
  if (found === undefined) throw new Error(`versions.json has no version of ${bare}`)
  return found
}

/** The folder of a client's packages. Rows of the same packages share it. */
export function folderOf({ name, language }: Packages): string {
  const slug = (name.split(',')[0] ?? name)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
    .replaceAll(' ', '-')
  return path.join(CACHE, language === 'python' ? `py-${slug}` : slug)
}

/** Installs a client where its versions are not there yet. @throws Error that says why it cannot be. */
export async function install(client: Packages): Promise<void> {
  const folder = folderOf(client)
  const { packages, language } = client
  const wanted = packages.map((name) => {
    const [bare = name] = name.split(/(?<=.)@/)
    return `${bare}${language === 'python' ? '==' : '@'}${pinned(name, language)}`
  })
  const mark = JSON.stringify(wanted)
  if ((await readFile(path.join(folder, MARK), 'utf8').catch(() => '')) === mark) return
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  try {
    await (language === 'python' ? installPython(folder, wanted) : installNode(folder, wanted))
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    throw new Error((stderr.trim() || message).split('\n').slice(-3).join(' ').slice(0, 300))
  }
  await writeFile(path.join(folder, MARK), mark)
}

// What the packages depend on is of the same day too, so that a run can be repeated.
async function installNode(folder: string, wanted: readonly string[]): Promise<void> {
  const before = new Date(Date.parse(versions.date) + 86_400_000).toISOString()
  const options = [
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--legacy-peer-deps',
    '--fetch-retries=1',
    `--before=${before}`,
  ]
  await writeFile(path.join(folder, 'package.json'), '{ "private": true }\n')
  await run('npm', ['install', ...options, ...wanted], { cwd: folder, timeout: INSTALL_LIMIT_MS })
}

async function installPython(folder: string, wanted: readonly string[]): Promise<void> {
  const options = ['--quiet', '--disable-pip-version-check', '--retries', '1', '--target', folder]
  await run('python3', ['-m', 'pip', 'install', ...options, ...wanted], { timeout: INSTALL_LIMIT_MS })
}
