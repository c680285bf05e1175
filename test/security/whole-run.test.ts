import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { findLeaks, forgetRun, searched } from '../harness/whole-run.ts'
import { everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'

const CALLER = 'sk-r9k-Planted1Planted2Planted3Planted4Planted5'
const PROVIDER = 'd0c5b2a4f1e89377aa64c0de51f2b6e3'

/** Router9, but for one leak into the log and one into an error. */
const LEAKY = `
import router9 from './router9.js'
export * from './router9.js'
export default {
  fetch(request, env, context) {
    const { pathname } = new URL(request.url)
    if (pathname === '/logs') console.log('asking with ' + env.MISTRAL_API_KEY)
    if (pathname === '/tells') {
      const message = 'Who is ' + request.headers.get('authorization') + '?'
      return Response.json({ error: { message } }, { status: 401 })
    }
    return router9.fetch(request, env, context)
  },
}
`

let worker: RunningWorker
beforeEach(async () => {
  const vars = { ...everyProviderAt('http://127.0.0.1:9'), MISTRAL_API_KEY: PROVIDER }
  worker = await startWorker({ file: inject('bundle'), vars, wrapper: LEAKY })
  await worker.keys.put(CALLER, {})
})
afterEach(async () => {
  await worker.stop()
  // What was planted here is no leak of Router9's.
  forgetRun()
})

async function get(path: string): Promise<void> {
  await (await fetch(worker.url + path, { headers: { authorization: `Bearer ${CALLER}` } })).text()
}

test('the search of the whole run finds nothing where nothing is', async () => {
  for (const path of ['/v1/models', '/v1/nothing', '/health']) await get(path)
  expect(findLeaks()).toEqual([])
  const { workers, answers, secrets } = searched()
  expect(workers).toBe(1)
  expect(answers).toBeGreaterThanOrEqual(3)
  // Every provider's, the demo key and the caller's.
  expect(secrets).toBeGreaterThan(15)
})

test('it finds a caller’s key that is planted in an error', async () => {
  await get('/tells')
  expect(findLeaks()).toEqual([expect.stringContaining('in the answers: ')])
  expect(findLeaks()[0]).toContain('sk-r9k-Planted1')
})

test('it finds a provider’s key that is planted in the log', async () => {
  await get('/logs')
  await expect.poll(findLeaks, { timeout: 10_000 }).toHaveLength(1)
  expect(findLeaks()[0]).toContain(`in the log of ${worker.url}`)
})
