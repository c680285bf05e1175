import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { buildSite } from '../../src/cli/console/build.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

test('the first page has at most 40 KB of script and 100 KB in all, compressed, and all pages 120 KB of script', async () => {
  const site = await buildSite()
  const size = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + gzipSync(Buffer.from(site.get(name) ?? '')).length, 0)
  const loaded = new Set(['index.html'])
  for (const name of loaded) {
    const text = Buffer.from(site.get(name) ?? '').toString()
    for (const [, asset = ''] of text.matchAll(/(?:"\/assets\/|from ?"\.\/|import ?"\.\/)([\w.-]+)"/g))
      loaded.add(`assets/${asset}`)
  }
  const scripts = [...site.keys()].filter((name) => name.endsWith('.js'))
  expect(loaded.size).toBeGreaterThan(3)
  expect(size([...loaded].filter((name) => name.endsWith('.js')))).toBeLessThanOrEqual(40 * 1024)
  expect(size(loaded)).toBeLessThanOrEqual(100 * 1024)
  expect(size(scripts)).toBeLessThanOrEqual(120 * 1024)
})

browserTest(
  'the start page’s tabs work by keyboard; signed in, what is copied has the address and the key',
  async () => {
    const { page, close } = await console.open('/', { as: 'models' })
    await page.getByRole('tab', { name: 'curl' }).press('ArrowRight')
    await page.getByRole('tabpanel', { name: 'Claude Code' }).waitFor()
    await page.getByRole('button', { name: 'Copy', exact: true }).last().click()
    await page.getByText('Copied').waitFor()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(copied).toContain(
      `export ANTHROPIC_BASE_URL=${console.address}\nexport ANTHROPIC_AUTH_TOKEN=${console.key}\n`,
    )
    await close()
  },
)

browserTest(
  'the link of npm start signs in with both keys, and leaves none in the address; another link replaces no key unasked; who signs out is out',
  async () => {
    const { page, close } = await console.open(`/console#key=${console.key}&management_key=${console.managementKey}`)
    await page.waitForURL('**/console/play')
    await page.getByText('management + models').waitFor()
    expect(page.url()).not.toContain('sk-r9k')
    page.once('dialog', (dialog) => dialog.dismiss())
    await page.goto('/docs#key=sk-r9k-of-somebody-else')
    await page.getByText('management + models').waitFor()
    expect(page.url()).not.toContain('sk-r9k')
    expect(await page.evaluate<string>('JSON.stringify({ ...sessionStorage })')).not.toContain('somebody-else')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
    await close()
  },
)

browserTest(
  'the theme that is chosen stays after a reload; an unknown address of the pages says so, with status 404',
  async () => {
    const answers = ['/docs/no-such-page', '/no-such-path', '/models'].map(async (path) => {
      const response = await fetch(console.address + path)
      return [response.status, response.headers.get('content-type')]
    })
    expect(await Promise.all(answers)).toEqual([
      [404, 'text/html; charset=utf-8'],
      [404, 'application/json'],
      [401, 'application/json'],
    ])
    const { page, close } = await console.open('/console/no-such-page')
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    await page.getByLabel('Theme').selectOption('dark')
    await page.reload()
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark')
    await page.getByLabel('Theme').selectOption('system')
    expect(await page.evaluate('localStorage.length')).toBe(0)
    await close()
  },
)

browserTest('the first page has come, on at most 100 KB over the wire, and its script has run', async () => {
  const { page, close } = await console.open('/')
  const { loadedMs, bytes } = await page.evaluate<{ loadedMs: number; bytes: number }>(`(() => {
    const [document] = performance.getEntriesByType('navigation')
    const all = [document, ...performance.getEntriesByType('resource')]
    return { loadedMs: document.loadEventEnd, bytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0) }
  })()`)
  // The load event comes after the script has run, and with it the page answers.
  expect(loadedMs).toBeGreaterThan(0)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThanOrEqual(100 * 1024)
  await close()
})
