import path from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: path.resolve(import.meta.dirname, '..'),
  // What only the Workers runtime has; of the Worker's own classes, tests in Node see just their types.
  resolve: { alias: { 'cloudflare:workers': path.join(import.meta.dirname, 'harness/cloudflare-workers.ts') } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/setup.ts', 'test/console/setup.ts'],
    setupFiles: ['test/harness/search-run.ts'],
    // Wrangler is 15 MB of JavaScript and starts dozens of times: compiled once, each start takes a quarter less.
    env: { NODE_COMPILE_CACHE: path.join(import.meta.dirname, '../node_modules/.cache/compile') },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // A condition is met in milliseconds; on a busy machine it may take longer.
    expect: { poll: { timeout: 10_000 } },
    // Files share processes, as they keep nothing in modules and globals for the next one: a third of the processor time went into
    // loading the same modules again for each file.
    isolate: false,
    // Twice the two cores that it is made for: half of the time of these tests is waiting.
    maxWorkers: 4,
  },
})
