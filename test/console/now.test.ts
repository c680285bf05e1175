import { expect } from 'vitest'
import { until } from '../harness/until.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

/** Asked by nobody else while the tests run. */
const MODEL = 'cerebras/gpt-oss-120b'

async function ask(model: string, content: string): Promise<Response> {
  return fetch(`${console.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${console.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
  })
}

browserTest(
  'Now shows a provider that breaks and comes back while a stream goes on, moves no row that is read, and says when nobody answers',
  async () => {
    const playground = await console.open('/console/play?model=gpt-5.4', { as: 'models' })
    await playground.page.getByRole('textbox', { name: 'Message 1' }).fill('Count to 2000 [[sim * tokenDelay=100]]')
    await playground.page.getByLabel('Max tokens').fill('1000')
    await playground.page.keyboard.press('Control+Enter')
    const answer = playground.page.getByRole('article', { name: 'Answer of gpt-5.4' })
    await answer.getByText('answering', { exact: true }).waitFor()
    await (await ask(MODEL, 'Say: well')).text()
    const { page, close } = await console.open('/console/health', { as: 'management', expected: /ERR_FAILED/ })
    const row = page.getByRole('main').locator('li', { hasText: MODEL })
    const first = page.getByRole('main').locator('li').first()
    await row.getByText('Well').waitFor()
    const streaming = page.getByRole('main').locator('li', { hasText: /\/gpt-5\.4/ })
    await until(
      async () => (await streaming.allInnerTexts()).join(' '),
      (text) => /In flight\s+[1-9]/.test(text),
    )

    await page.getByRole('main').getByRole('list').first().hover()
    const orderOf = () => page.locator('.now-id').allInnerTexts()
    const before = await orderOf()
    for (let at = 0; at < 5; at++) await (await ask(MODEL, `Broken [[sim cerebras status=500]]`)).text()
    await row.getByText(/^(Out|On trial)$/).waitFor()
    expect(await row.innerText()).toMatch(/requests fail before an answer begins; asked again (in \d+ s|with)/)
    expect(await page.getByRole('status').innerText()).toMatch(/not well: .*cerebras/)
    expect((await orderOf()).slice(0, before.length)).toEqual(before)
    if ((await orderOf())[0] !== MODEL) {
      await page.getByRole('button', { name: /^Sort again/ }).click()
      await until(orderOf, ([top]) => top === MODEL)
    }
    expect(await first.innerText()).toContain(MODEL)

    await until(
      async () => {
        await (await ask(MODEL, 'Say: well')).text()
        return row.innerText()
      },
      (text) => text.startsWith('Well'),
      30_000,
    )
    expect(await row.getByRole('img').getAttribute('aria-label')).toMatch(/^Last hour: \d+ attempts, [1-9]\d* failed$/)

    await page.route('**/v1/providers*', (route) => route.abort())
    await page.getByText(/Router9 does not answer.* This is \d+ s old\./).waitFor()
    expect(await row.isVisible()).toBe(true)
    await page.unroute('**/v1/providers*')
    await page.getByText('Live', { exact: true }).waitFor()
    await close()

    const saidBefore = (await answer.getByRole('region', { name: 'Answer', exact: true }).innerText()).length
    await until(
      async () => (await answer.getByRole('region', { name: 'Answer', exact: true }).innerText()).length,
      (length) => length > saidBefore,
    )
    expect(await answer.getByText('answering', { exact: true }).count()).toBe(1)
    expect(playground.problems).toEqual([])
    await playground.close()
  },
)

browserTest(
  'Models: a filter and an order stay in the address, and the plan of auto and of a described request is shown',
  async () => {
    const { page, problems, close } = await console.open('/console/models', {
      as: 'management',
      expected: /status of 400/,
    })
    const names = () => page.getByRole('region', { name: 'Models' }).getByRole('rowheader').allInnerTexts()
    await page.getByText(/would be asked first/).waitFor()
    await page.getByRole('button', { name: /^Show 200 more of/ }).click()
    expect((await until(names, (rows) => rows.length > 200)).length).toBe(250)
    await page.getByLabel('Find').fill('gpt-4o openai')
    await page.getByLabel('Ability').selectOption('images')
    await page.getByRole('button', { name: /^Output/ }).press('Enter')
    const filtered = await until(names, (rows) => rows.length > 1 && rows.length < 20)
    expect(filtered.every((name) => name.includes('gpt-4o'))).toBe(true)
    await page.reload()
    expect(await until(names, (rows) => rows.length > 0)).toEqual(filtered)
    expect(new URL(page.url()).searchParams.get('sort')).toBe('Output')
    expect(await page.getByRole('link', { name: 'Try it: gpt-4o', exact: true }).getAttribute('href')).toBe(
      '/console/play?model=gpt-4o',
    )
    await page.getByLabel('picture').check()
    await page.getByLabel('Model', { exact: true }).fill('llama-3.3-70b-instruct')
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('alert').getByText('vision is lacking').waitFor()
    expect(problems).toEqual([])
    await close()
  },
)
