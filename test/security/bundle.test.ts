import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bundle, bundleWorker } from '../harness/bundle.ts'
import { createRecord } from './leaks.ts'
import { keySettings, madeUpKeys } from './made-up-keys.ts'

const REPOSITORY = path.resolve(import.meta.dirname, '../..')
const KEYS = madeUpKeys()
/** Where an operator's secrets are while a deployment is built. */
const PLACES = ['.dev.vars', '.env', '.env.production']
/** Windows lets only some accounts make symbolic links. */
const OPTIONS = { skip: process.platform === 'win32' }
const IN_ENVIRONMENT = 'sk-proj-Environment1Environment2Environment3'

let home: string
let bundle: Bundle
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'router9-secrets-'))
  // The build follows the links, and puts the pages beside what they lead to.
  for (const name of ['src', 'node_modules', 'package.json', 'tsconfig.json', '.console']) {
    await symlink(path.join(REPOSITORY, name), path.join(home, name))
  }
  await copyFile(path.join(REPOSITORY, 'wrangler.toml'), path.join(home, 'wrangler.toml'))
  const settings = Object.entries(keySettings(KEYS)).map(([name, value]) => `${name}=${value}`)
  for (const name of PLACES) await writeFile(path.join(home, name), settings.join('\n'))
  bundle = await bundleWorker(home, { OPENAI_API_KEY: IN_ENVIRONMENT, CLOUDFLARE_API_TOKEN: IN_ENVIRONMENT })
}, 60_000)
afterAll(async () => {
  await bundle.remove()
  await rm(home, { recursive: true, force: true })
})

test('no secret of whoever deploys gets into the bundle or its source map', OPTIONS, async () => {
  const files = await readdir(bundle.directory)
  expect(files).toContain('index.js')
  expect(files).toContain('index.js.map')
  const record = createRecord()
  for (const name of files) record.add(name, await readFile(path.join(bundle.directory, name), 'utf8'))
  expect(record.find([...KEYS.values(), IN_ENVIRONMENT])).toEqual([])
  // What is in the source is found in both.
  const known = record.find(['access-control-expose-headers']).map((text) => / in (.*?): …/.exec(text)?.[1])
  expect(known).toEqual(expect.arrayContaining(['index.js', 'index.js.map']))
})

test('nor does the key that development has', OPTIONS, async () => {
  const text = await readFile(bundle.file, 'utf8')
  expect(text).not.toContain('sk-r9k-demo')
})
