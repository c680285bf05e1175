import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { CliError, readArguments, runProgram } from '../../src/cli/arguments.ts'
import { type Console, connect, ROLES } from './open-page.ts'
import { sitePages } from './site-pages.ts'
import { startConsole, whyNoBrowser } from './started-console.ts'

const USAGE = `npm run console:pictures -- FOLDER [PATH…] [--as ROLE] [--docs]

Writes pictures of the pages into a folder: in light and dark, 360, 800 and 1440 pixels wide, at their whole height.

  PATH          only this page, for example /console/keys
  --as ROLE     out, models or management (management)
  --docs        the pages of the documentation too`

const WIDTHS = [360, 800, 1440]
const THEMES = ['light', 'dark'] as const

async function takePictures(console: Console, folder: string, paths: readonly string[], as: string): Promise<void> {
  const role = ROLES.find((one) => one === as)
  if (role === undefined) throw new CliError(`--as must be one of ${ROLES.join(', ')}`)
  for (const address of paths) {
    const { page, close } = await console.open(address, { as: role })
    const name = address.slice(1).replaceAll('/', '-') || 'start'
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme })
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 })
        await page.screenshot({ path: path.join(folder, `${name}-${theme}-${width}.png`), fullPage: true })
      }
    }
    await close()
  }
}

if (import.meta.main) {
  await runProgram(USAGE, async (args) => {
    const options = { as: { type: 'string', default: 'management' }, docs: { type: 'boolean' } } as const
    const { values, positionals } = readArguments(args, options, { words: true })
    const [folder, ...wanted] = positionals
    const whyNot = whyNoBrowser()
    if (whyNot !== undefined) throw new CliError(`No pictures: ${whyNot}.`)
    if (folder === undefined) throw new CliError('Name a folder for the pictures.')
    await mkdir(folder, { recursive: true })
    const { pages, documents } = await sitePages()
    const paths = wanted.length > 0 ? wanted : [...pages, ...(values.docs ? documents : [])]
    const { started, stop } = startConsole()
    try {
      const console = await connect(await started)
      await takePictures(console, folder, paths, values.as)
      await console.stop()
    } finally {
      await stop()
    }
    return true
  })
}
