import { expect } from 'vitest'
import { axeViolations, sidewaysScrolls } from './checks.ts'
import { browserTest, useConsole } from './console.ts'
import { ROLES } from './open-page.ts'
import { NO_PAGE, sitePages } from './site-pages.ts'

const console = useConsole()
const { pages, documents } = await sitePages()

// Who is out sees the same form everywhere in the console; the other pages are the same for all but in their head.
const rolesAt = (path: string) => {
  if (path === '/console/calls') return ROLES
  return path.startsWith('/console/') && path !== NO_PAGE ? (['models', 'management'] as const) : (['out'] as const)
}

browserTest.for(pages.flatMap((path) => rolesAt(path).map((as) => ({ path, as }))))(
  '$path ($as) has no error, no barrier in light and dark, and fits into a small window',
  // Many at once on a slow machine: the longest page has hundreds of rows to look at.
  { concurrent: true, timeout: 60_000 },
  async ({ path, as }) => {
    const expected = path === NO_PAGE ? { expected: /status of 404/ } : {}
    const { page, problems, close } = await console.open(path, { as, ...expected })
    const light = await axeViolations(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    const dark = await axeViolations(page, ['color-contrast'])
    await page.setViewportSize({ width: 360, height: 740 })
    const sideways = await sidewaysScrolls(page)
    expect({ problems, light, dark, sideways }).toEqual({ problems: [], light: [], dark: [], sideways: [] })
    await close()
  },
)

// There are many, made of the same parts: some stand for all.
const SOME = documents.filter((_, at) => at % 6 === 0)

browserTest.for(SOME.map((path, at) => ({ path, theme: at % 2 === 0 ? ('light' as const) : ('dark' as const) })))(
  '$path ($theme) has no error and no barrier, and fits into a small window',
  // Many at once on a slow machine: the longest page has hundreds of rows to look at.
  { concurrent: true, timeout: 60_000 },
  async ({ path, theme }) => {
    const { page, problems, close } = await console.open(path, { theme, width: 360 })
    const barriers = await axeViolations(page)
    expect({ problems, barriers, sideways: await sidewaysScrolls(page) }).toEqual({
      problems: [],
      barriers: [],
      sideways: [],
    })
    await close()
  },
)
