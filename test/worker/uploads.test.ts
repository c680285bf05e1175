import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { expectRefusal } from './refusal.ts'
import { upload } from './upload.ts'

const MIB = 1024 * 1024
const UPLOAD_MS = 2000
const OTHER_KEY = 'sk-r9k-other'
const HELLO = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }

const router9 = useRouter9({ UPLOAD_TIMEOUT_MS: String(UPLOAD_MS), BODY_MEMORY_MIB: '40' })
beforeAll(async () => {
  await router9.worker.keys.put(OTHER_KEY, { id: 'key_other' })
})

/** An upload on a socket of its own, which sends what it is told to, when it is told to. */
interface SlowUpload {
  readonly send: (bytes: string | Uint8Array) => void
  readonly received: () => string
  readonly leave: (how: 'rst' | 'fin') => void
  readonly ended: Promise<void>
}

function openUpload(length: number | 'chunked', key = DEMO_KEY, path = '/v1/chat/completions'): SlowUpload {
  const { hostname, port, host } = new URL(router9.url)
  const socket = net.connect({ host: hostname, port: Number(port) })
  let received = ''
  socket.on('data', (piece) => {
    received += piece.toString('latin1')
  })
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
  })
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return {
    send: (bytes) => {
      const size = Buffer.byteLength(bytes)
      if (length === 'chunked') socket.write(`${size.toString(16)}\r\n`)
      socket.write(bytes)
      if (length === 'chunked') socket.write('\r\n')
    },
    received: () => received,
    leave: (how) => (how === 'rst' ? socket.resetAndDestroy() : socket.destroy()),
    ended,
  }
}

/** How far the process has grown at most while something ran, in MiB. */
async function growth(work: () => Promise<void>): Promise<number> {
  const { pid } = router9.worker
  const status = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  // The highest that it has been is now what it is.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const before = status('VmRSS')
  await work()
  return status('VmHWM') - before
}

// First of all, in a process that has not grown yet.
describe.runIf(process.platform === 'linux')(
  'a body that is all brackets and commas costs little more than its bytes',
  () => {
    const rest = '"model":"gpt-4o"'
    const zeros = (bytes: number) => `{"messages":[${'0,'.repeat(bytes / 2)}0],${rest}}`
    const cases: [string, string, () => string][] = [
      ['11.7 MB of zeros for messages', 'messages', () => zeros(11_700_000)],
      ['1.9 MB of zeros for messages', 'messages', () => zeros(1_900_000)],
      ['2 MB of lists in lists', 'x', () => `{${rest},"x":${'['.repeat(2_000_000)}`],
      ['8 MB of empty objects', 'x', () => `{${rest},"x":[${'{},'.repeat(8_000_000 / 3)}0]}`],
    ]
    test.each(cases)('%s', async (_, param, make) => {
      const body = make()
      const grown = await growth(async () => {
        await expectRefusal(await router9.chat(body), { status: 400, code: 'invalid_value', param })
      })
      expect(grown).toBeLessThan(64)
    })

    test('and so does one that unpacks to far more than a body may have', async () => {
      const body = gzipSync(Buffer.alloc(256 * MIB, ' '), { level: 1 })
      const headers = {
        authorization: `Bearer ${DEMO_KEY}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      }
      const grown = await growth(async () => {
        const refused = await upload({ url: `${router9.url}/v1/chat/completions`, headers, body })
        await expectRefusal(refused, { status: 413, code: 'request_too_large' })
      })
      expect(grown).toBeLessThan(64)
    })
  },
)

describe('an upload that trickles', () => {
  test('is ended, and its connection with it, whatever length beyond 16 KiB it tells', async () => {
    const lengths = [17 * 1024, MIB, 20 * MIB, 'chunked'] as const
    const uploads = lengths.flatMap((length) => Array.from({ length: 4 }, () => openUpload(length)))
    const trickle = setInterval(() => {
      for (const { send } of uploads) send(' ')
    }, 50)
    try {
      await Promise.all(uploads.map(({ ended }) => ended))
    } finally {
      clearInterval(trickle)
    }
    for (const { received } of uploads) {
      expect(received()).toMatch(/^HTTP\/1\.1 408 /)
      expect(received()).toContain('"code":"request_timeout"')
    }
  })

  test('has all the time it takes as long as it keeps to a pace', async () => {
    const pieces = Array.from({ length: 8 }, () => ' '.repeat(MIB / 8))
    const text = JSON.stringify(HELLO)
    const slow = openUpload(pieces.join('').length + text.length)
    const began = Date.now()
    for (const piece of pieces) {
      slow.send(piece)
      await new Promise((resolve) => setTimeout(resolve, (2 * UPLOAD_MS) / pieces.length))
    }
    expect(Date.now() - began).toBeGreaterThan(UPLOAD_MS)
    slow.send(text)
    await expect.poll(slow.received, { timeout: 10_000 }).toMatch(/^HTTP\/1\.1 200 /)
    slow.leave('fin')
  })
})

describe('bodies under way take so much memory and no more', () => {
  const large = (mib: number) => JSON.stringify(HELLO).padEnd(mib * MIB)
  const send = (body: string, key = DEMO_KEY) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    return upload({ url: `${router9.url}/v1/chat/completions`, headers, body })
  }
  const full = { status: 503, code: 'gateway_overloaded', type: 'server_error' }

  test('a large one beside them is told to come again, a small one is answered, and later the large one too', async () => {
    const slow = openUpload(16 * MIB)
    slow.send(' '.repeat(MIB))
    // Slow as it is, it keeps to the pace.
    const going = setInterval(() => slow.send(' '.repeat(MIB / 4)), UPLOAD_MS / 4)
    const ask = () => send(large(8), OTHER_KEY)
    let refused = await ask()
    // The slow one may not have got its place yet.
    while (refused.status === 200) refused = await ask()
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('x-should-retry')).toBe('true')
    await expectRefusal(refused, full)
    expect((await send(JSON.stringify(HELLO), OTHER_KEY)).status).toBe(200)
    clearInterval(going)
    slow.leave('rst')
    await expect.poll(async () => (await ask()).status, { timeout: 15_000 }).toBe(200)
  }, 60_000)

  test('a call holds its body until its stream has ended', async () => {
    const text = 'Count to 1000 [[sim * tokenDelay=20]]'
    const words = { ...HELLO, stream: true, messages: [{ role: 'user', content: text }] }
    const leaving = new AbortController()
    const streaming = await router9.chat(JSON.stringify(words).padEnd(12 * MIB), {}, leaving.signal)
    expect(streaming.status).toBe(200)
    await expectRefusal(await send(large(15), OTHER_KEY), full)
    leaving.abort()
    await streaming.text().catch(() => '')
    await expect.poll(async () => (await send(large(15), OTHER_KEY)).status, { timeout: 15_000 }).toBe(200)
  }, 60_000)

  test('a burst is answered one by one', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(large(5))))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
  })

  test.each<[string, () => Promise<Response>, number]>([
    ['answered', () => send(large(12)), 200],
    ['refused for its JSON', () => send('{'.padEnd(12 * MIB)), 400],
    ['refused for its schema', () => send(JSON.stringify({ ...HELLO, temperature: 3 }).padEnd(12 * MIB)), 400],
    ['refused for its model', () => send(JSON.stringify({ ...HELLO, model: 'gpt-0' }).padEnd(12 * MIB)), 404],
  ])('one after the other has its place: %s', async (_, ask, status) => {
    for (let n = 0; n < 2; n++) expect((await ask()).status).toBe(status)
  })
})

describe('a client that breaks off its upload', () => {
  test.each<[string, number | 'chunked', 'rst' | 'fin', string]>([
    ['a small body, by a reset', 1000, 'rst', '/v1/chat/completions'],
    ['a small body, by closing', 1000, 'fin', '/v1/chat/completions'],
    ['a large body', 2 * MIB, 'rst', '/v1/chat/completions'],
    ['a large body, by closing', 2 * MIB, 'fin', '/v1/chat/completions'],
    ['a body whose length was not told', 'chunked', 'rst', '/v1/chat/completions'],
    ['the body of a dry run', 1000, 'rst', '/v1/route'],
  ])('has left, and nothing is at fault: %s', async (_, length, how, path) => {
    const before = callLines(router9.worker.log()).length
    const slow = openUpload(length, DEMO_KEY, path)
    slow.send('{"model":"gpt-4o",')
    // It is being read when the key has been found.
    await new Promise((resolve) => setTimeout(resolve, 50))
    slow.leave(how)
    const fresh = () => callLines(router9.worker.log()).slice(before)
    await expect.poll(fresh, { timeout: 10_000 }).toHaveLength(1)
    expect(fresh()[0]).toMatchObject({ level: 'info', status: 499, kind: 'client-left', fault: 'left', left: true })
    expect(router9.worker.log().includes('"event":"fault"')).toBe(false)
  })
})
