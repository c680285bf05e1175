import { text } from 'node:stream/consumers'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { until } from '../harness/until.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

/** No other file of tests calls this one, so that its calls are those of this file. */
const MODEL = 'gpt-4o-mini'
const HOSTILE = 'Ada <img src=x onerror="alert(1)"> مفتاح'
const FORMULA = '=HYPERLINK("https://example.com")'

browserTest(
  'a key made in the console calls at once; its broken call is found by its id, its dollars are in Usage, and revoked it is refused',
  { concurrent: true },
  async () => {
    // Where it is tried again, the key of the time before is still there.
    const name = `${HOSTILE} ${Math.random().toString(36).slice(2)}`
    const { page, problems, close } = await console.open('/console/keys', { as: 'management' })
    const key = await createKey(page, name)
    const row = page.getByRole('row').filter({ hasText: name })
    expect(await row.innerText()).toMatch(/\$5\.00 left of\s\$5\.00 a month/)

    expect((await call(key, 'Hello!')).status).toBe(200)
    const broken = await call(key, 'Hello! [[sim * cut=2]]', true)
    await row.getByRole('link', { name: /^Calls of/ }).click()
    await findCall(page, `the request failed (id ${broken.id})`)
    const main = page.getByRole('main')
    expect(await main.innerText()).toMatch(/Broke off: the provider failed\./)
    expect(await main.getByRole('listitem').allInnerTexts()).toContainEqual(expect.stringMatching(/until it broke/))
    expect(JSON.parse(await page.locator('pre').innerText())).toMatchObject({ request: broken.id, status: 200 })

    await page.goto('/console/usage?range=24h&by=project')
    const used = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: FORMULA, exact: true }) })
    await until(
      async () => {
        await page.reload()
        await page.getByRole('row').first().waitFor()
        return used.count()
      },
      (rows) => rows === 1,
      30_000,
    )
    const cells = await used.getByRole('cell').allInnerTexts()
    expect(cells.slice(1, 3)).toEqual([expect.stringMatching(/^\$0\.0\d*[1-9]/), '2'])
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download CSV' }).click(),
    ])
    const lines = (await text(await download.createReadStream())).split('\r\n')
    expect(lines).toContainEqual(expect.stringMatching(/^[^,]+,"'=HYPERLINK\(""https:\/\/example\.com""\)",.*,2,1,/))

    await page.goto('/console/keys')
    await row.getByRole('button', { name: /^Revoke/ }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: `Revoke ${name}` })
      .click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const { status } = await until(
      () => call(key, 'Hello!'),
      (answer) => answer.status !== 200,
      30_000,
    )
    expect(status).toBe(401)
    expect({ problems, images: await page.locator('main img').count() }).toEqual({ problems: [], images: 0 })
    await close()
  },
)

browserTest(
  'a refresh changes nothing that is being written, and saving keeps what somebody else has changed',
  async () => {
    const { page, close } = await console.open('/console/keys', { as: 'management', expected: /status of 400/ })
    await createKey(page, 'Shared')
    const row = page.getByRole('row').filter({ hasText: 'Shared' })
    const edit = row.getByRole('button', { name: /^Edit/ })
    const id = /key_\w+/.exec(await row.innerText())?.[0] ?? ''
    await edit.click()
    const rpm = page.getByLabel('Requests a minute')
    await rpm.fill('many')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText("'rpm' must be a number.").waitFor()
    expect(await rpm.evaluate((field) => field === field.ownerDocument.activeElement)).toBe(true)

    await rpm.fill('77')
    await manage(`/v1/keys/${id}`, 'PATCH', { name: 'Shared by two' })
    await refresh(page)
    await page.getByText('Somebody else has changed this meanwhile.').waitFor()
    expect(await rpm.inputValue()).toBe('77')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await manage(`/v1/keys/${id}`, 'GET')).toMatchObject({ data: { name: 'Shared by two', rpm: 77, limit: 5 } })

    await edit.click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await edit.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true)
    await close()
  },
)

browserTest(
  'new calls are announced, and come into the list when the reader asks for them',
  { concurrent: true },
  async () => {
    await call(console.key, 'Hello!')
    const { page, close } = await console.open(`/console/calls?model=${MODEL}`, { as: 'models' })
    const links = page.getByRole('main').getByRole('row').getByRole('link')
    const shown = () => links.evaluateAll((all) => all.map((link) => link.getAttribute('href')))
    await links.first().waitFor()
    const before = await shown()
    const { id } = await call(console.key, 'Hello!')
    const newer = page.getByRole('button', { name: '1 newer' })
    await newer.waitFor()
    expect(await shown()).toEqual(before)
    await newer.click()
    expect(await shown()).toEqual([`/console/calls?id=${id}`, ...before])
    await page.getByLabel('Status').selectOption('5xx')
    await page.getByText('No call fits these filters').waitFor()
    expect(page.url()).toMatch(new RegExp(`\\?model=${MODEL}&status=5xx$`))
    await close()
  },
)

async function createKey(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: 'Create key' }).click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Budget in US dollars').fill('5')
  await page.getByLabel('Begins anew').selectOption('monthly')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  const shown = page.getByRole('region', { name: `The key of “${name}”` })
  await shown.getByRole('button', { name: 'Copy key' }).click()
  const key = await page.evaluate<string>('navigator.clipboard.readText()')
  expect(key).toMatch(/^sk-r9k-/)
  return key
}

/** What somebody has in a message of an error is enough. */
async function findCall(page: Page, pasted: string): Promise<void> {
  await page.getByRole('search').getByRole('textbox').fill(pasted)
  await page.getByRole('button', { name: 'Find' }).click()
  const again = page.getByRole('button', { name: 'Look again' })
  const found = page.getByRole('heading', { name: 'Log line' })
  await until(
    async () => {
      await again.or(found).waitFor()
      // The page may find it just now, by itself.
      if (await again.isVisible()) await again.click({ timeout: 1000 }).catch(() => undefined)
      return found.isVisible()
    },
    (isFound) => isFound,
    30_000,
  )
}

/** As a page does that comes into sight again. */
async function refresh(page: Page): Promise<void> {
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
}

async function call(key: string, content: string, stream = false): Promise<{ status: number; id: string | null }> {
  const response = await fetch(`${console.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-router9-project': FORMULA },
    body: JSON.stringify({ model: MODEL, stream, max_tokens: 100, messages: [{ role: 'user', content }] }),
  })
  await response.text()
  return { status: response.status, id: response.headers.get('x-request-id') }
}

async function manage(path: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(`${console.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${console.managementKey}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return response.json()
}
