import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { axeViolations, sidewaysScrolls } from './checks.ts'
import { browserTest, useConsole } from './console.ts'

const console = useConsole()

const HOSTILE = '<img src=x onerror="document.title=1"> & **bold**'
/** A picture of one pixel. */
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

browserTest(
  'a streamed answer comes with its plan, its attempts and its dollars, and the code of the request can be run',
  { concurrent: true },
  async () => {
    const { page, problems, close } = await console.open('/console/play?model=gpt-5.4', { as: 'models' })
    await write(page, `Hello! ${'w'.repeat(3000)} [[sim * say=${JSON.stringify(HOSTILE)}]]`)
    const files = page.getByLabel('Add images to message 1')
    await files.setInputFiles({ name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(5_000_001) })
    await page.getByText('large.png has 5.0 MB. An image may have 5 MB').waitFor()
    await files.setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: Buffer.from(DOT, 'base64') })
    await page.getByAltText('Attachment 1 of message 1').waitFor()
    await page.keyboard.press('Control+Enter')
    const answer = answerOf(page, 'gpt-5.4')
    await answer.getByText('complete', { exact: true }).waitFor()
    expect(await answer.getByRole('region', { name: 'Answer', exact: true }).innerText()).toBe(HOSTILE)
    const plan = answer.getByRole('complementary')
    await plan.getByText(/^\$0\.0\d*[1-9]/).waitFor()
    expect(await plan.innerText()).toMatch(/200 answered[\s\S]*The plan when it was sent\s+3 could answer/)
    await plan.getByText('Exact response (status 200)').click()
    const raw = plan.getByRole('region', { name: 'Exact response' })
    expect(await raw.textContent()).toMatch(/^data: \{[\s\S]*data: \[DONE\]\s*$/)

    await page.getByText('As JSON and as code').click()
    expect(await page.getByRole('region', { name: 'The request: Request' }).innerText()).toContain(DOT)
    await page.getByRole('tab', { name: 'curl' }).click()
    await page.getByLabel('with my key').check()
    const code = page.getByRole('tabpanel')
    await code.getByRole('button', { name: 'Copy' }).click()
    const { stdout } = await promisify(execFile)('sh', ['-c', await page.evaluate('navigator.clipboard.readText()')])
    expect(stdout).toMatch(/^data: \{[\s\S]*data: \[DONE\]\s*$/)

    expect({ problems, axe: await axeViolations(page) }).toEqual({ problems: [], axe: [] })
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await sidewaysScrolls(page)).toEqual([])
    await page.reload()
    expect(await message(page).inputValue()).toContain(HOSTILE.slice(0, 10))
    await page.getByAltText('Attachment 1 of message 1').waitFor()
    await close()
  },
)

browserTest('an answer that is stopped is not shown as complete', { concurrent: true }, async () => {
  const { page, close } = await console.open('/console/play?model=gpt-5.4', { as: 'models' })
  await write(page, `${'Hello! '.repeat(100)} [[sim * tokenDelay=400]]`)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  const answer = answerOf(page, 'gpt-5.4')
  await answer.getByRole('region', { name: 'Answer', exact: true }).waitFor()
  // Send takes its place at once: neither this click nor a second one may send again.
  await page.getByRole('button', { name: 'Stop', exact: true }).dblclick()
  await answer.getByText('stopped by you: not complete').waitFor()
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor()
  expect(await answer.getByText(/^(complete|answering|waiting.*)$/).count()).toBe(0)
  await close()
})

browserTest(
  'of three models side by side one is complete, one breaks off and one does not exist, each for itself',
  { concurrent: true },
  async () => {
    const { page, close } = await console.open('/console/play?model=anthropic/claude-sonnet-4-6', {
      as: 'models',
      expected: /status of 404/,
    })
    for (const [at, model] of ['mistral/mistral-large-latest', 'no-such-model'].entries()) {
      await page.getByRole('button', { name: 'Compare with another model' }).click()
      await page.getByRole('combobox', { name: `Model ${at + 2}` }).fill(model)
      await page.keyboard.press('Enter')
    }
    await write(page, 'Hello! [[sim mistral cut=4]]')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await answerOf(page, 'anthropic/claude-sonnet-4-6').getByText('complete', { exact: true }).waitFor()
    const broken = answerOf(page, 'mistral/mistral-large-latest')
    await broken.getByText('broken off: not complete').waitFor()
    expect(await broken.getByRole('alert').innerText()).toMatch(/connection broke[\s\S]*not the whole answer/)
    const missing = answerOf(page, 'no-such-model')
    await missing.getByText('failed', { exact: true }).waitFor()
    expect(await missing.getByRole('alert').innerText()).toMatch(/does not exist[\s\S]*Take a model from the list/)
    await close()
  },
)

browserTest.for(['Chat completions', 'Responses', 'Messages (Anthropic)', 'Gemini'])(
  'as %s, streamed and whole, a model thinks, calls a tool, and answers with its result',
  { concurrent: true },
  async (format) => {
    const { page, problems, close } = await console.open('/console/play?model=claude-sonnet-4-6', { as: 'models' })
    await page.getByLabel('Sent as').selectOption({ label: format })
    await page.getByLabel('Reasoning effort').selectOption('low')
    await page.getByText('Tools', { exact: true }).click()
    const tools = page.getByRole('textbox', { name: 'Tools' })
    await tools.fill('[{')
    await page.getByText(/^Not JSON yet/).waitFor()
    expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true)
    await tools.fill('[{"name": "get_weather", "parameters": {"type": "object"}}]')
    await write(page, 'Weather? [[sim * call=get_weather {"city":"Oslo"}]]')
    const answer = answerOf(page, 'claude-sonnet-4-6')
    for (const streams of [true, false]) {
      await page.getByLabel('Stream').setChecked(streams)
      await page.getByRole('button', { name: 'Send', exact: true }).click()
      await answer.getByText('complete', { exact: true }).waitFor()
      const shape = streams ? 'First token' : 'Answer'
      await answer.getByRole('complementary').getByText(shape, { exact: true }).waitFor()
      expect(await answer.getByRole('region', { name: 'Arguments of get_weather' }).innerText()).toBe('{"city":"Oslo"}')
      expect(await answer.getByText('Reasoning', { exact: true }).count()).toBe(1)
      expect(await answer.innerText()).toMatch(/Tokens in\s+[1-9]\d*\s+Tokens out\s+[1-9]\d*/)
    }
    await page.getByRole('button', { name: 'Continue from here' }).click()
    await page.getByRole('textbox', { name: 'Message 3' }).fill('12 degrees')
    await page.getByLabel('Stream').setChecked(true)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await answer.getByText('get_weather answered: 12 degrees').waitFor()
    expect(problems).toEqual([])
    await close()
  },
)

browserTest('an answer of ten thousand events is whole, in few elements', async () => {
  const { page, close } = await console.open('/console/play?model=gpt-5.4', { as: 'models' })
  const words = Array.from({ length: 10_000 }, (_, at) => `w${at % 100}`).join(' ')
  await write(page, `Hello! [[sim * tokensPerEvent=1 say="${words}"]]`)
  await page.keyboard.press('Control+Enter')
  const answer = answerOf(page, 'gpt-5.4')
  await answer.getByText('complete', { exact: true }).waitFor({ timeout: 40_000 })
  const shown = answer.getByRole('region', { name: 'Answer', exact: true })
  expect((await shown.innerText()) === words).toBe(true)
  expect(await shown.locator('*').count()).toBeLessThan(30)
  await close()
})

browserTest('a management key is told that it cannot call models, and a key for models can be added', async () => {
  const { page, close } = await console.open('/console/play')
  const signIn = async (key: string) => {
    await page.getByLabel('Key', { exact: true }).fill(key)
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
  }
  await signIn(console.managementKey)
  await page.getByText(/a management key cannot/).waitFor()
  await signIn(console.key)
  await page.getByRole('heading', { name: 'Playground' }).waitFor()
  expect(await page.getByRole('banner').innerText()).toContain('management + models')
  await close()
})

function message(page: Page) {
  return page.getByRole('textbox', { name: 'Message 1' })
}

async function write(page: Page, text: string): Promise<void> {
  await message(page).fill(text)
}

function answerOf(page: Page, model: string) {
  return page.getByRole('article', { name: `Answer of ${model}` })
}
