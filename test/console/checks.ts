import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[]
}

/** What axe finds wrong with a page, a line for each element. @param rules only these, where given. */
export async function axeViolations(page: Page, rules?: readonly string[]): Promise<string[]> {
  // A key press or a scroll bar that fades would have it measure colours that are just changing.
  await page.evaluate(`${AXE}; document.getAnimations().forEach((animation) => animation.finish())`)
  const options = rules === undefined ? {} : { runOnly: rules }
  const { violations } = await page.evaluate<{ violations: Violation[] }>(
    `axe.run(document, ${JSON.stringify({ ...options, resultTypes: ['violations'] })})`,
  )
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary = '' }) => `${id} (${help}) ${target.join(' ')}: ${failureSummary.slice(0, 300)}`,
    ),
  )
}

/** What is wider than the window where the page as a whole scrolls sideways; nothing where it does not. */
export async function sidewaysScrolls(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const wide = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > clientWidth + 1)
    return [scrollWidth + ' > ' + clientWidth, ...wide.slice(0, 8).map((one) => one.tagName + '.' + one.className)]
  })()`)
}
