import { expect } from 'vitest'
import { axeViolations, sidewaysScrolls } from './checks.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

browserTest('the search is loaded when it is used, works by keyboard, and leads to the heading', async () => {
  const { page, problems, close } = await console.open('/docs', { width: 360 })
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  const box = page.getByRole('combobox', { name: 'Search the documentation' })
  await box.waitFor()
  expect(asked).toEqual([])
  await page.keyboard.press('/')
  await page.keyboard.type('client disconnects')
  const options = page.getByLabel('Results').getByRole('option')
  await options.first().waitFor()
  expect(asked.filter((path) => path.endsWith('.json'))).toHaveLength(1)
  expect(await box.inputValue()).toBe('client disconnects')
  expect(await options.first().innerText()).toMatch(/When your client disconnects\s+Streaming/)
  expect(await options.first().locator('mark').count()).toBeGreaterThan(0)
  expect(await axeViolations(page)).toEqual([])
  expect(await sidewaysScrolls(page)).toEqual([])
  const chosen = () => box.getAttribute('aria-activedescendant')
  expect(await chosen()).toBe('docs-hit-0')
  await page.keyboard.press('ArrowUp')
  expect(await chosen()).toBe(`docs-hit-${(await options.count()) - 1}`)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Escape')
  await options.first().waitFor({ state: 'hidden' })
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/docs/streaming#when-your-client-disconnects')
  expect(problems).toEqual([])
  await close()
})

browserTest(
  'the search says when it finds nothing, and a sample is copied with the address of this Router9',
  async () => {
    const { page, problems, close } = await console.open('/docs/chat-completions', { as: 'models' })
    await page.getByLabel('Search the documentation').fill('zzqxv')
    await page.getByText('Nothing is found for “zzqxv”.').waitFor()
    // A word of the documentation may have what has a meaning in a pattern, or what may not be escaped in one.
    await page.getByLabel('Search the documentation').fill('disabled=true')
    await page.getByLabel('Results').locator('mark', { hasText: 'disabled=true' }).first().waitFor()
    await page.getByLabel('Search the documentation').fill('')
    await page.locator('.docs-code').first().getByRole('button', { name: 'Copy' }).click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain(
      `curl ${console.address}/v1/chat/completions`,
    )
    expect(problems).toEqual([])
    await close()
  },
)

browserTest('the OpenAPI document is served as JSON, to web pages of any origin', async () => {
  const response = await fetch(`${console.address}/openapi.json`, { headers: { origin: 'https://tool.example' } })
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(await response.json()).toMatchObject({ openapi: '3.1.1' })
})
