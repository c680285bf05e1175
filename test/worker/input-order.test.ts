import { beforeAll, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { expectRefusal, type Refusal } from './refusal.ts'
import { upload } from './upload.ts'

/** A request in the making; each fault spoils one thing of it. */
interface Draft {
  path: string
  method: string
  key: string
  contentType: string
  body: Record<string, unknown>
  /** Follows the JSON. */
  tail: string
}

interface Fault {
  readonly name: string
  readonly spoil: (draft: Draft) => void
  readonly refusal: Refusal
}

const USED_UP_KEY = 'sk-r9k-used-up'
const OVER_BYTES = 20 * 1024 * 1024 + 1

// In the order of the contract's checks.
const FAULTS: readonly Fault[] = [
  {
    name: 'route',
    spoil: (draft) => {
      draft.path = '/v1/nothing'
    },
    refusal: { status: 404, code: 'unknown_url' },
  },
  {
    name: 'method',
    spoil: (draft) => {
      draft.method = 'PUT'
    },
    refusal: { status: 405, code: 'method_not_allowed' },
  },
  {
    name: 'key',
    spoil: (draft) => {
      draft.key = 'sk-r9k-nobody-has-this'
    },
    refusal: { status: 401, code: 'invalid_api_key' },
  },
  {
    name: 'limits',
    spoil: (draft) => {
      draft.key = USED_UP_KEY
    },
    refusal: { status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  },
  {
    name: 'body size',
    spoil: (draft) => {
      draft.tail += ' '.repeat(OVER_BYTES)
    },
    refusal: { status: 413, code: 'request_too_large' },
  },
  {
    name: 'content type',
    spoil: (draft) => {
      draft.contentType = 'text/plain'
    },
    refusal: { status: 415, code: 'unsupported_media_type' },
  },
  {
    name: 'JSON',
    spoil: (draft) => {
      draft.tail += '}'
    },
    refusal: { status: 400, code: 'invalid_json' },
  },
  {
    name: 'schema',
    spoil: (draft) => {
      draft.body.temperature = 'hot'
    },
    refusal: { status: 400, code: 'invalid_value', param: 'temperature' },
  },
  {
    name: 'model',
    spoil: (draft) => {
      draft.body.model = 'gpt-9-imaginary'
    },
    refusal: { status: 404, code: 'model_not_found', param: 'model' },
  },
]

const PAIRS = FAULTS.flatMap((first, at) =>
  FAULTS.slice(at + 1).map((second) => ({ name: `${first.name} before ${second.name}`, first, second })),
)

const router9 = useRouter9()
beforeAll(async () => {
  await router9.worker.keys.put(USED_UP_KEY, { limits: { rpm: 0 } })
})

function send(faults: readonly Fault[], chunked: boolean): Promise<Response> {
  const draft: Draft = {
    path: '/v1/chat/completions',
    method: 'POST',
    key: DEMO_KEY,
    contentType: 'application/json',
    body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
    tail: '',
  }
  for (const { spoil } of faults) spoil(draft)
  const text = JSON.stringify(draft.body) + draft.tail
  return upload({
    url: router9.url + draft.path,
    method: draft.method,
    headers: { authorization: `Bearer ${draft.key}`, 'content-type': draft.contentType },
    body: text,
    chunked,
  })
}

test.each(FAULTS)('each fault alone gets its own answer: $name', async (fault) => {
  await expectRefusal(await send([fault], false), fault.refusal)
})

test.each(PAIRS)('of two faults the earlier check answers: $name', async ({ first, second }) => {
  await expectRefusal(await send([second, first], false), first.refusal)
})

test.each(PAIRS)('the same where the length of the body is not told: $name', async ({ first, second }) => {
  await expectRefusal(await send([second, first], true), first.refusal)
})
