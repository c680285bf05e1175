import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { StartedConsole } from './started-console.ts'

/** Who is signed in at a page. */
export type Role = 'out' | 'models' | 'management'
export const ROLES: readonly Role[] = ['out', 'models', 'management']

export interface OpenOptions {
  readonly as?: Role
  readonly theme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
  /** What a page may complain of because the test makes it so. */
  readonly expected?: RegExp
}

/** A page in a browser window of its own. */
export interface Opened {
  readonly page: Page
  /** What went wrong in it until now: errors of scripts, of the console, and of the policy of content. */
  readonly problems: readonly string[]
  close(): Promise<void>
}

/** The running console, as a browser sees it. */
export interface Console extends StartedConsole {
  /** Opens an address of the console and waits until it has a heading and loads nothing any more. */
  open(path: string, options?: OpenOptions): Promise<Opened>
  stop(): Promise<void>
}

/** Connects to a console that runs. */
export async function connect(started: StartedConsole): Promise<Console> {
  const browser = await chromium.connect(started.browser)
  return {
    ...started,
    open: (path, options = {}) => openPage(browser, started, path, options),
    stop: () => browser.close(),
  }
}

async function openPage(
  browser: Browser,
  { address, key, managementKey }: StartedConsole,
  path: string,
  { as = 'out', theme = 'light', width = 1440, height = 900, expected }: OpenOptions,
): Promise<Opened> {
  const window: BrowserContextOptions = { colorScheme: theme, viewport: { width, height }, baseURL: address }
  const context = await browser.newContext({ ...window, permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const problems: string[] = []
  const complain = (text: string) => {
    if (!expected?.test(text)) problems.push(text)
  }
  page.on('pageerror', (error) => complain(`error: ${error.message}`))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()} ${message.location().url}`)
  })
  const keys = { out: {}, models: { key }, management: { key, managementKey } }[as]
  await page.addInitScript({ content: signInScript(JSON.stringify(keys)) })
  await page.goto(path)
  await page.locator('main h1').first().waitFor()
  await page.getByText('Loading…', { exact: true }).first().waitFor({ state: 'hidden' })
  return { page, problems, close: () => context.close() }
}

/** Signs the tab in, once: who signs out stays out. */
function signInScript(keys: string): string {
  return `if (!sessionStorage.getItem('test-began')) {
    sessionStorage.setItem('test-began', 'yes')
    sessionStorage.setItem('router9-session', ${JSON.stringify(keys)})
  }`
}
