import { expect, test } from 'vitest'
import { keyName } from '../../src/access/keys.ts'
import { useRouter9 } from '../harness/router9.ts'
import { expectRefusal } from './refusal.ts'

const MANAGER = 'sk-r9k-manager-while-kv-fails'

const router9 = useRouter9()

function ask(method: string, path: string, body?: object): Promise<Response> {
  return fetch(router9.url + path, {
    method,
    headers: { authorization: `Bearer ${MANAGER}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

test('while KV fails, keys are neither made nor changed, which the answer says; afterwards they are', async () => {
  const { keys } = router9.worker
  await keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  await keys.put('sk-r9k-changed-later', { id: 'key_later' })
  const name = await keyName('sk-r9k-changed-later')
  const path = `/v1/keys/${name.slice('key:'.length)}`
  expect((await ask('GET', path)).status).toBe(200)
  const before = keys.values.size

  keys.behave('fail')
  const unavailable = { status: 503, type: 'server_error', code: 'key_store_unavailable' }
  for (const [method, at, body] of [
    ['POST', '/v1/keys', { name: 'x' }],
    ['PATCH', path, { rpm: 5 }],
    ['DELETE', path],
    ['POST', `${path}/rotate`],
    ['GET', path],
  ] as const) {
    const { message } = await expectRefusal(await ask(method, at, body), unavailable)
    expect(message).toMatch(/Look whether the change was made/)
  }
  keys.behave('well')
  expect(keys.values.size).toBe(before)
  expect(JSON.parse(String(keys.values.get(name)))).not.toHaveProperty('updated')
  expect((await ask('PATCH', path, { rpm: 5 })).status).toBe(200)
  expect(JSON.parse(String(keys.values.get(name)))).toMatchObject({ limits: { rpm: 5 } })
  expect((await ask('POST', `${path}/rotate`)).status).toBe(201)
  expect(keys.values.size).toBe(before + 1)
})

test('a write that KV refuses because the record was just written is made a second later', async () => {
  const { keys } = router9.worker
  await keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  await keys.put('sk-r9k-changed-often', { id: 'key_often' })
  const name = await keyName('sk-r9k-changed-often')
  keys.refuseWrites(1)
  expect((await ask('PATCH', `/v1/keys/${name.slice('key:'.length)}`, { rpm: 6 })).status).toBe(200)
  expect(JSON.parse(String(keys.values.get(name)))).toMatchObject({ limits: { rpm: 6 } })
})

test.each(['/v1/keys', '/v1/teams'])('a cursor that KV has not given is told as one: %s', async (path) => {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  const forged = btoa(JSON.stringify(['of-nobody', `key:${'0'.repeat(64)}`]))
  const response = await ask('GET', `${path}?cursor=${encodeURIComponent(forged)}`)
  await expectRefusal(response, { status: 400, code: 'invalid_value', param: 'cursor' })
})
