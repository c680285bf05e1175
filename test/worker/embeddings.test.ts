import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()

function embed(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${router9.url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

test('smoke', async () => {
  const r = await embed({ model: 'text-embedding-3-small', input: 'Hello' })
  console.log(r.status, [...r.headers], (await r.text()).slice(0, 300))
  const s = await embed({ model: 'text-embedding-3-small', input: ['Hello', 'World'], encoding_format: 'base64', dimensions: 8 })
  console.log(s.status, (await s.text()).slice(0, 400))
  const t = await embed({ model: 'auto', input: 'x' })
  console.log(t.status, await t.text())
  const u = await embed({ model: 'gpt-4o', input: 'x' })
  console.log(u.status, await u.text())
  const v = await router9.chat({ model: 'text-embedding-3-small', messages: [{role:'user',content:'hi'}] })
  console.log(v.status, await v.text())
  const w = await embed({ model: 'text-embedding-3-small', input: Array.from({length: 2048}, (_, i) => `text ${i}`), encoding_format: 'base64' })
  const wt = await w.text()
  console.log(w.status, wt.length, wt.slice(-200), router9.simulator.requests().length)
  console.log(router9.worker.log().split('\n').slice(-8).join('\n'))
  const x = await embed({ model: 'text-embedding-3-small', input: ['a [[sim openai status=500]]', 'b']})
  console.log(x.status, x.headers.get('x-router9-attempts'), (await x.text()).slice(0,200))
})
