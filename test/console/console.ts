import { inject, test, vi } from 'vitest'
import { useStarted } from '../harness/use-started.ts'
import { type Console, connect } from './open-page.ts'
import { whyNoBrowser } from './started-console.ts'

/** A browser shares the machine with all other tests: a page takes its time, and few are looked at at once. */
vi.setConfig({ testTimeout: 90_000, maxConcurrency: 3 })

const WHY_NOT = whyNoBrowser()
if (WHY_NOT !== undefined) console.log(`The console is not looked at: ${WHY_NOT}.`)
/** A test that needs the browser: skipped where there is none. */
export const browserTest = test.skipIf(WHY_NOT !== undefined)

/** The console and the browser that all test files share. */
export function useConsole(): Console {
  return useStarted(async () => {
    if (WHY_NOT !== undefined) return { stop: async () => {} } as Console
    const response = await fetch(inject('consoleStarter'))
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return connect(JSON.parse(text))
  }, 120_000)
}
