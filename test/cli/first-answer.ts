import { spawn } from 'node:child_process'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runSmoke } from '../../src/cli/smoke/checks.ts'
import { noneFailed, smokeTable } from '../../src/cli/smoke/table.ts'
import { freePort } from '../harness/listen.ts'

// What a newcomer does, on any system: npm start, and a first answer. Ends with status 1 where there is none.

const MAX_WAIT_MS = 180_000
const ON_WINDOWS = process.platform === 'win32'

const port = await freePort()
// On Windows npm is a script, which needs a shell. Elsewhere it gets a process group, which can be ended as a whole.
const npm = spawn('npm', ['start', '--', '--port', String(port)], {
  cwd: path.resolve(import.meta.dirname, '../..'),
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: ON_WINDOWS,
  detached: !ON_WINDOWS,
})
try {
  const url = `http://localhost:${port}`
  const deadline = Date.now() + MAX_WAIT_MS
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (npm.exitCode !== null) throw new Error(`npm start ended with status ${npm.exitCode}`)
    if (Date.now() > deadline) throw new Error(`npm start did not answer within ${MAX_WAIT_MS / 1000} s`)
    await sleep(250)
  }
  const results = await runSmoke({ url, key: 'sk-r9k-demo', model: 'auto', timeoutMs: 60_000, settleMs: 0 })
  console.log(smokeTable(results))
  if (!noneFailed(results)) process.exitCode = 1
} finally {
  if (npm.pid !== undefined && npm.exitCode === null) end(npm.pid)
}

function end(pid: number): void {
  if (ON_WINDOWS) spawn('taskkill', ['/pid', String(pid), '/T', '/F'])
  else process.kill(-pid, 'SIGTERM')
}
