import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { errorOf } from './refusal.ts'
import { BASES, type Json, pathsIn, replaced, STRANGERS, textOf, valueAt } from './request-fields.ts'

const MODELS = ['gpt-4o', 'anthropic/claude-sonnet-4-6', 'google/gemini-2.5-flash', 'groq/llama-3.3-70b-instruct']

/** What else than its own type a field takes; a field that is optional takes null, which means absent. */
const TAKES: readonly [RegExp, readonly string[]][] = [
  [/\.detail$/, ['any']],
  [/^(model|messages)$/, ['none']],
  [/^messages\[\d\]$/, ['none']],
  [/^messages\[\d\]\.role$/, ['none']],
  [/^messages\[2\]\.content$/, ['null', 'string', 'array']],
  [/^messages\[\d\]\.content$/, ['string', 'array']],
  [/^messages\[\d\]\.content\[\d\]/, ['none']],
  [/^messages\[2\]\.tool_calls$/, ['null']],
  [/^messages\[2\]\.tool_calls\[/, ['none']],
  [/^messages\[3\]\.tool_call_id$/, ['none']],
  [/^stop$/, ['null', 'string', 'array']],
  [/^(stop|models|provider\.(order|only|ignore))\[0\]$/, ['none']],
  [/^tool_choice$/, ['null', 'object']],
  [/^tool_choice\./, ['none']],
  [/^tools\[0\](\.(type|function(\.name)?))?$/, ['none']],
  [/^response_format\.(type|json_schema(\.name)?)$/, ['none']],
  [/^logit_bias\./, ['none']],
  // JSON Schema is the caller's own and goes to the provider as it is, and so are these.
  [/\.(parameters|schema)\../, ['any']],
  [/^metadata\./, ['any']],
]

function kindOf(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function takes(path: string, own: Json, stranger: Json): boolean {
  const others = TAKES.find(([pattern]) => pattern.test(path))?.[1] ?? ['null']
  const kind = kindOf(stranger)
  return others.includes('any') || kind === kindOf(own) || others.includes(kind)
}

/** The field itself, what holds it, or what is missing within it. */
function names(param: string, path: string): boolean {
  const begins = (long: string, short: string) =>
    long === short || (long.startsWith(short) && '.['.includes(long[short.length] ?? ''))
  return begins(path, param) || begins(param, path)
}

const router9 = useRouter9()

const FIELDS = Object.entries(BASES).flatMap(([base, request]) =>
  pathsIn(request).map((path) => ({ base, request, path, field: textOf(path) })),
)

test.each(Object.entries(BASES))('the request itself is right: %s', async (_, request) => {
  const response = await router9.chat(request)
  expect(response.status, await response.text()).toBe(200)
})

describe('a value of a wrong type is refused by the name of its field', () => {
  test.each(FIELDS)('$base: $field', async ({ request, path, field }) => {
    const own = valueAt(request, path)
    const wrongs: string[] = []
    for (const stranger of STRANGERS) {
      const response = await router9.chat(replaced(request, path, stranger))
      const said = `${JSON.stringify(stranger)} gives ${response.status}`
      if (response.status === 200) {
        if (!takes(field, own, stranger)) wrongs.push(said)
        await response.body?.cancel()
        continue
      }
      const { param, code, message } = await errorOf(response)
      const whole = `${said} ${code} ${param}: ${message}`
      const isLookup = [403, 404].includes(response.status) && /^(model|provider)/.test(field)
      if (isLookup) continue
      if (response.status !== 400) wrongs.push(whole)
      else if (!takes(field, own, stranger) && (param === null || !names(param, field))) wrongs.push(whole)
    }
    expect(wrongs).toEqual([])
  })
})

describe.each(MODELS.slice(1))('whatever stands where, it is no fault of ours: %s', (model) => {
  test.each(FIELDS.filter(({ path }) => path[0] !== 'model'))('$base: $field', async ({ request, path }) => {
    const wrongs: string[] = []
    for (const stranger of STRANGERS) {
      const body = {
        ...(replaced(request, path, stranger) as Record<string, Json>),
        model,
        provider: null,
        models: null,
      }
      const response = await router9.chat(body)
      if (response.status === 200) await response.body?.cancel()
      else {
        const { message } = await errorOf(response)
        if (response.status !== 400) wrongs.push(`${JSON.stringify(stranger)} gives ${response.status}: ${message}`)
      }
    }
    expect(wrongs).toEqual([])
  })
})
