import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { buildSite } from '../../src/cli/console/build.ts'
import { operationsOf } from '../../src/console/pages/try-it/operations.ts'
import { readJson } from '../../src/console/parts/json-fault.ts'
import { axeViolations, sidewaysScrolls } from './checks.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

const send = (page: Page) => page.getByRole('button', { name: 'Send', exact: true })
const body = (page: Page) => page.getByLabel(/^Body, JSON/)
const response = (page: Page) => page.getByRole('region', { name: 'Response', exact: true })
const streamed = (content: string) =>
  JSON.stringify({ model: 'auto', messages: [{ role: 'user', content }], stream: true })

test('every operation of the OpenAPI document can be tried on the page that it names', async () => {
  const site = await buildSite()
  const document = JSON.parse(String(site.get('openapi.json')))
  const offered = [...site.keys()].flatMap((file) => {
    const page = `/${file.replace(/\.html$/, '')}`
    const operations = operationsOf(document, page)
    expect(String(site.get(file)).includes('<details id="try-it"'), file).toBe(operations.length > 0)
    return operations.map(({ method, path }) => `${method} ${path}`)
  })
  const all = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(offered.toSorted()).toEqual(all.toSorted())
})

test('what is wrong with JSON is told with its line, in the same words in every browser', () => {
  const faultOf = (text: string) => {
    try {
      return readJson(text)
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(faultOf('{"a": [1, true, null, {"b": "\\u00e9"}], "c": -1.5e3}')).toEqual({
    a: [1, true, null, { b: 'é' }],
    c: -1500,
  })
  expect(faultOf('{\n  "a": 1,\n}')).toBe(
    'Not JSON yet: line 3, column 1: expected a name in double quotes, found “}”.',
  )
  expect(faultOf('{"a": 1 "b": 2}')).toBe('Not JSON yet: line 1, column 9: expected a comma or }, found “"”.')
  expect(faultOf('["x\n"]')).toMatch(/line 1, column 2: this text in quotes has no end/)
  expect(faultOf('{"a": tru}')).toMatch(/line 1, column 7: expected a value, found “tru”/)
  expect(faultOf('[1, 2')).toMatch(/line 1, column 6: expected a comma or \], found the end/)
  expect(faultOf('{} x')).toMatch(/expected the end, found “x”/)
  expect(faultOf('['.repeat(100_000))).toMatch(/column 100001: expected a value or \]/)
})

browserTest(
  'who pastes a key sends a chat from its page: status, times, headers and answer are there; broken JSON is named and not sent',
  async () => {
    const { page, problems, close } = await console.open('/docs/chat-completions', { width: 360, expected: /401/ })
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.locator('.try-it > summary').click()
    await page.getByLabel('It needs a key for models').fill('sk-r9k-nobody-has-this-one')
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByText(/Incorrect API key/).waitFor()
    await page.getByLabel('It needs a key for models').fill(console.key)
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByText('With this tab’s key for models').waitFor()
    expect(await page.evaluate<string>("sessionStorage.getItem('router9-session')")).toContain(console.key)
    await body(page).fill('{\n  "model": "auto",\n}')
    await page.getByText('Not JSON yet: line 3, column 1').waitFor()
    expect(await send(page).isDisabled()).toBe(true)
    await body(page).press('Control+Enter')
    await page.getByRole('button', { name: 'Reset' }).click()
    expect(asked.filter((path) => path.startsWith('/v1/chat'))).toEqual([])
    await body(page).press('Control+Enter')
    await response(page).getByText('200 OK').waitFor()
    await response(page)
      .getByText(/first byte .* total .* bytes/)
      .waitFor()
    expect(await page.getByRole('region', { name: 'Body of the response' }).innerText()).toMatch(
      /\n {6}"message": \{\n/,
    )
    const headers = page.getByRole('region', { name: 'Headers of the response' })
    expect(await headers.locator('dt').first().innerText()).toMatch(/^x-router9-/)
    await page.getByText('As curl').click()
    await page.getByText('with my key').click()
    await page.getByRole('button', { name: 'Copy', exact: true }).first().click()
    await page.getByText('Copied').waitFor()
    const curl = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(curl).toContain(`curl '${console.address}/v1/chat/completions'`)
    expect(curl).toContain(`Bearer ${console.key}`)
    expect(await axeViolations(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await axeViolations(page, ['color-contrast'])).toEqual([])
    expect(await sidewaysScrolls(page)).toEqual([])
    expect(asked.filter((path) => path === '/openapi.json')).toHaveLength(1)
    expect(problems).toEqual([])
    await close()
  },
)

browserTest(
  'a stream comes event by event and can be stopped; of a long one the first and the last events are shown',
  async () => {
    const { page, problems, close } = await console.open('/docs/chat-completions#try-it', { as: 'models' })
    const events = page.getByRole('region', { name: 'Events of the stream' }).getByRole('listitem')
    await body(page).fill(streamed(`Hello! [[sim * tokenDelay=200 tokensPerEvent=1 say="${'word '.repeat(200)}"]]`))
    await send(page).click()
    await response(page).getByText('coming').waitFor()
    await events.nth(3).waitFor()
    const before = await events.count()
    await events.nth(before + 2).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await response(page).getByText('stopped by you').waitFor()
    await body(page).fill(streamed(`Hello! [[sim * tokensPerEvent=1 say="${'word '.repeat(300)}"]]`))
    await send(page).click()
    await page.getByText(/events are left out here/).waitFor()
    await response(page).getByText('[DONE]').waitFor()
    expect(await events.count()).toBeLessThanOrEqual(101)
    expect(problems).toEqual([])
    await close()
  },
)

browserTest(
  'a management key lists keys and makes one after a second look; an unknown key is told so with its 401',
  async () => {
    const { page, close } = await console.open('/docs/keys#try-it', { as: 'management' })
    const operation = page.getByLabel('Operation')
    const choose = async (begin: string) => {
      await operation.waitFor()
      const names = await operation.locator('option').allInnerTexts()
      await operation.selectOption({ index: names.findIndex((name) => name.startsWith(begin)) })
    }
    await choose('GET /v1/keys:')
    await send(page).click()
    await response(page).getByText('200 OK').waitFor()
    await response(page).getByText('key_local_management').waitFor()
    await choose('POST /v1/keys:')
    await body(page).fill('{"name": "Of the documentation"}')
    await send(page).click()
    await page.getByText(/^This changes .* at once/).waitFor()
    expect(await response(page).count()).toBe(0)
    await page.keyboard.press('Enter')
    await response(page).getByText('201 Created').waitFor()
    await choose('DELETE /v1/keys/{id}')
    await page.getByText('Fill in “id” first.').waitFor()
    expect(await send(page).isDisabled()).toBe(true)
    await page.evaluate(`sessionStorage.setItem('router9-session', '{"managementKey":"sk-r9k-nobody"}')`)
    await page.reload()
    await choose('GET /v1/keys:')
    await send(page).click()
    await response(page).getByText(/^401/).waitFor()
    await response(page).getByRole('alert').getByText('invalid_api_key').waitFor()
    await close()
  },
)
