import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRow } from '../../../src/catalog/row.ts'
import { buildCatalog } from '../../../src/cli/catalog/build.ts'
import { compareModels } from '../../../src/cli/catalog/compare.ts'
import { SUCCESSORS } from '../../../src/cli/catalog/rules.ts'
import { readSource } from '../../../src/cli/catalog/source.ts'

type Json = Record<string, unknown>

const facts = (changes: Json = {}): Json => ({
  name: 'A Model',
  release_date: '2025-06-01',
  tool_call: true,
  temperature: true,
  reasoning: false,
  cost: { input: 1, output: 2 },
  limit: { context: 1000, output: 100 },
  modalities: { input: ['text'], output: ['text'] },
  ...changes,
})

function offersOf(providers: Record<string, Record<string, Json>>) {
  const data = Object.fromEntries(Object.entries(providers).map(([id, models]) => [id, { models }]))
  return readSource(data).offers
}

function build(providers: Record<string, Record<string, Json>>, successors: Record<string, string> = {}) {
  return buildCatalog(offersOf(providers), new Map(Object.entries(successors)))
}

/** `id: provider:upstream …` for each model. */
function outline(providers: Record<string, Record<string, Json>>, successors: Record<string, string> = {}): string[] {
  return build(providers, successors).models.map(({ id, deployments }) => {
    return `${id}: ${deployments.map(({ provider, upstreamModel }) => `${provider}:${upstreamModel}`).join(' ')}`
  })
}

test('offers of one base_model are one model, named as its maker names it', () => {
  const providers = {
    openrouter: { 'anthropic/claude-opus-4.6': facts({ base_model: 'anthropic/claude-opus-4-6' }) },
    anthropic: { 'claude-opus-4-6': facts() },
  }
  expect(outline(providers)).toEqual([
    'claude-opus-4-6: anthropic:claude-opus-4-6 openrouter:anthropic/claude-opus-4.6',
  ])
})

test('the same name at several providers is one model, however it is spelled', () => {
  const providers = {
    togetherai: { 'zai-org/GLM-5.2': facts({ cost: { input: 3, output: 3 } }) },
    'fireworks-ai': { 'accounts/fireworks/models/glm-5p2': facts() },
    'cloudflare-workers-ai': { '@cf/zai-org/glm-5.2': facts({ cost: { input: 2, output: 2 } }) },
    openrouter: { 'z-ai/glm-5.2': facts({ cost: { input: 0.1, output: 0.1 } }) },
  }
  expect(outline(providers)).toEqual([
    'glm-5.2: fireworks:accounts/fireworks/models/glm-5p2 workers-ai:@cf/zai-org/glm-5.2 together:zai-org/GLM-5.2 openrouter:z-ai/glm-5.2',
  ])
})

test('distilled, free, quantised and hurried variants stay apart though base_model groups them', () => {
  const base = facts({ base_model: 'deepseek/deepseek-r1' })
  const ids = [
    'deepseek-r1',
    'deepseek-r1-distill-qwen-32b',
    'deepseek-r1:free',
    'deepseek-r1-fp8',
    'deepseek-r1-turbo',
  ]
  const models = Object.fromEntries(ids.map((id) => [`deepseek/${id}`, base]))
  expect(
    build({ openrouter: models })
      .models.map(({ id }) => id)
      .toSorted(),
  ).toEqual(ids.toSorted())
})

test('two names of one model at one provider are one deployment if they cost the same, and two models if not', () => {
  const same = { openrouter: { 'anthropic/claude-opus-4': facts(), 'anthropic/claude-opus-4-0': facts() } }
  expect(outline(same)).toEqual(['claude-opus-4-0: openrouter:anthropic/claude-opus-4-0'])
  const dear = facts({ cost: { input: 9, output: 9 } })
  const different = { openrouter: { 'anthropic/claude-opus-4': dear, 'anthropic/claude-opus-4-0': facts() } }
  expect(outline(different)).toEqual([
    'claude-opus-4: openrouter:anthropic/claude-opus-4',
    'claude-opus-4-0: openrouter:anthropic/claude-opus-4-0',
  ])
})

test('the same name by another maker is another model, and says whose it is', () => {
  const providers = {
    togetherai: { 'aaa/gemma-4-31b-it': facts({ limit: { context: 10, output: 10 } }) },
    google: { 'gemma-4-31b-it': facts() },
  }
  expect(outline(providers)).toEqual([
    'aaa/gemma-4-31b-it: together:aaa/gemma-4-31b-it',
    'gemma-4-31b-it: google:gemma-4-31b-it',
  ])
})

test('a dated id that costs and holds the same is the undated model; with two such dates each is its own', () => {
  const one = build({ anthropic: { 'claude-x-5': facts(), 'claude-x-5-20250601': facts() } })
  expect(one.rows).toHaveLength(1)
  expect(one.rows[0]).toContain('|claude-x-5-20250601|anthropic = ')
  const two = { openai: { 'gpt-x': facts(), 'gpt-x-2025-06-01': facts(), 'gpt-x-2025-06-20': facts() } }
  expect(build(two).models.map(({ id }) => id)).toEqual(['gpt-x', 'gpt-x-2025-06-01', 'gpt-x-2025-06-20'])
  const dearer = { openai: { 'gpt-x': facts(), 'gpt-x-2025-06-01': facts({ cost: { input: 9, output: 9 } }) } }
  expect(build(dearer).models).toHaveLength(2)
})

test('where only a dated id and its -latest exist, the dated one answers to both and to the bare name', () => {
  const { rows } = build({ mistral: { 'mistral-x-latest': facts(), 'mistral-x-2506': facts() } })
  expect(rows).toHaveLength(1)
  expect(rows[0]).toMatch(/^mistral-x-2506\|.*\|mistral-x,mistral-x-latest\|mistral = /)
})

test('a dead retired model goes, a served one keeps its maker before its name, and both names lead to the successor', () => {
  const providers = {
    anthropic: { 'claude-3-x-20240229': facts({ status: 'deprecated' }), 'claude-5-x': facts() },
    openrouter: { 'anthropic/claude-3-y': facts() },
  }
  const { rows, leftOut } = build(providers, { 'claude-3-x': 'claude-5-x', 'claude-3-y': 'claude-5-x' })
  expect(rows.map((row) => row.split('|')[0])).toEqual(['anthropic/claude-3-y', 'claude-5-x'])
  expect(rows[1]).toContain('|claude-3-x,claude-3-y|')
  expect(leftOut).toEqual([
    { provider: 'anthropic', id: 'claude-3-x-20240229', reason: 'retired, answered by claude-5-x' },
  ])
})

test('a successor that does not exist stops the generator by name', () => {
  expect(() => build({ openai: { 'gpt-x': facts() } }, { old: 'gpt-y' })).toThrow('old is to be answered by gpt-y')
})

test('what is no chat model is left out, with the reason', () => {
  const { models, leftOut } = build({
    openai: {
      'gpt-image': facts({ modalities: { input: ['text'], output: ['image'] } }),
      whisper: facts({ modalities: { input: ['audio'], output: ['text'] } }),
      'gpt-zero': facts({ limit: { context: 0, output: 0 } }),
      'gpt-x': facts(),
    },
    mistral: { 'mistral-embed': facts() },
    groq: { 'meta-llama/llama-guard-9': facts() },
    azure: { 'claude-x': facts() },
  })
  expect(models.map(({ id }) => id)).toEqual(['gpt-x'])
  expect(leftOut.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([
    'gpt-image: no text in or no text out',
    'whisper: no text in or no text out',
    'gpt-zero: no context',
    'mistral-embed: an embedding model; those are kept by hand',
    'meta-llama/llama-guard-9: a moderation model',
    'claude-x: Azure serves it in the Anthropic dialect',
  ])
})

test('abilities, reasoning and prices are the ones of the source; what it does not say is no', () => {
  const full = facts({
    structured_output: true,
    reasoning: true,
    reasoning_options: [
      { type: 'toggle' },
      { type: 'effort', values: ['low', 'high'] },
      { type: 'budget_tokens', min: 5, max: 9 },
    ],
    cost: { input: 1, output: 2, cache_read: 0.1, cache_write: 1.25 },
  })
  const bare = {
    name: 'Bare',
    release_date: '2025-06',
    limit: { context: 7, output: 3 },
    modalities: { input: ['text', 'pdf'], output: ['text'] },
  }
  const { models } = build({ openai: { 'gpt-full': full }, groq: { 'gpt-bare': bare } })
  const [second, first] = models.map(({ deployments }) => deployments[0])
  expect(first?.traits).toMatchObject({
    reasoning: true,
    toggle: true,
    efforts: ['low', 'high'],
    budget: { min: 5, max: 9 },
  })
  expect(first?.price).toEqual({ input: 1, output: 2, cacheRead: 0.1, cacheWrite: 1.25 })
  expect(second?.traits).toEqual({
    contextTokens: 7,
    outputTokens: 3,
    input: new Set(['text', 'pdf']),
    output: new Set(['text']),
    tools: false,
    jsonSchema: false,
    temperature: false,
    reasoning: false,
    toggle: false,
  })
  expect(second).not.toHaveProperty('price')
})

test('odd data leaves one model out and names the field', () => {
  const { offers, leftOut } = readSource({
    openai: {
      models: {
        'gpt-x': facts(),
        'gpt-y': facts({ limit: { context: 'many', output: 1 } }),
        'gpt-z': facts({ cost: { input: -1, output: 1 } }),
        'gpt|w': facts(),
        'gpt-v': 7,
      },
    },
  })
  expect(offers.map(({ id }) => id)).toEqual(['gpt-x'])
  expect(leftOut.map(({ id }) => id)).toEqual(['gpt-y', 'gpt-z', 'gpt|w', 'gpt-v'])
  expect(leftOut[0]?.reason).toMatch(/^limit\.context: /)
  expect(leftOut[1]?.reason).toMatch(/^cost\.input: /)
})

test('data of another shape is refused as a whole', () => {
  expect(() => readSource([])).toThrow("This is not models.dev's data")
  expect(() => readSource({ openai: { models: [] } })).toThrow('openai.models')
  expect(() => readSource({ providers: 1 })).toThrow('providers')
})

test('a model called constructor is a model like any other', () => {
  expect(outline({ openrouter: { 'x/constructor-1': facts(), 'constructor/__proto__-1': facts() } })).toHaveLength(2)
  expect(outline({ openrouter: { 'x/constructor': facts() } })).toEqual(['x/constructor: openrouter:x/constructor'])
})

test('a comparison tells what came, what went, and whose price changed', () => {
  const { models: before } = build({ openai: { 'gpt-a': facts(), 'gpt-b': facts() } })
  const { models: after } = build({ openai: { 'gpt-b': facts({ cost: { input: 1, output: 3 } }), 'gpt-c': facts() } })
  expect(compareModels(before, after)).toEqual({
    removed: 1,
    lines: [
      'added: gpt-c',
      'removed: gpt-a',
      'price: gpt-b at openai: {"input":1,"output":2} -> {"input":1,"output":3}',
    ],
  })
})

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catalog-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** The data must hold every successor, as the real one does. */
function wholeSource(extra: number): string {
  const models: Record<string, Json> = {}
  for (let number = 0; number < extra; number++) models[`x/extra-${number}b`] = facts()
  const providers: Record<string, { models: Record<string, Json> }> = { openrouter: { models } }
  for (const successor of SUCCESSORS.values()) {
    const makers: readonly (readonly [RegExp, string])[] = [
      [/^claude/, 'anthropic'],
      [/^gemini/, 'google'],
      [/^(?:gpt|o\d)/, 'openai'],
      [/^mi[ns]/, 'mistral'],
      [/^deepseek/, 'deepseek'],
      [/^grok/, 'xai'],
      [/^sonar/, 'perplexity'],
      [/^command/, 'cohere'],
    ]
    const maker = makers.find(([pattern]) => pattern.test(successor))?.[1] ?? 'groq'
    const own = providers[maker] ?? { models: {} }
    own.models[successor] = facts()
    providers[maker] = own
  }
  return JSON.stringify(providers)
}

function run(...options: string[]): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, ['src/cli/catalog/main.ts', ...options])
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output, errors })))
}

test('the same input gives the same bytes, one row a line, each readable', async () => {
  const [input, out, again] = ['input.json', 'out.json', 'again.json'].map((name) => join(folder, name))
  await writeFile(input ?? '', wholeSource(3))
  const first = await run(input ?? '', '--out', out ?? '')
  expect(first).toMatchObject({ code: 0, errors: '' })
  expect(first.output).toContain('added: claude-sonnet-4-5')
  await run(input ?? '', '--out', again ?? '')
  const text = await readFile(out ?? '', 'utf8')
  expect(await readFile(again ?? '', 'utf8')).toBe(text)
  const { source, rows } = JSON.parse(text) as { source: string; rows: string[] }
  expect(source).toBe('input.json')
  expect(text.split('\n').filter((line) => line.includes('|'))).toHaveLength(rows.length)
  expect(rows.map((row) => parseRow(row).id)).toContain('extra-2b')
})

test('a result that lost more than a fifth of the models is not written, unless forced', async () => {
  const [input, out] = ['shrunk.json', 'kept.json'].map((name) => join(folder, name))
  await writeFile(input ?? '', wholeSource(200))
  await run(input ?? '', '--out', out ?? '')
  const before = await readFile(out ?? '', 'utf8')
  await writeFile(input ?? '', wholeSource(1))
  const refused = await run(input ?? '', '--out', out ?? '')
  expect(refused.code).toBe(1)
  expect(refused.errors).toContain('199 of ')
  expect(await readFile(out ?? '', 'utf8')).toBe(before)
  expect((await run(input ?? '', '--out', out ?? '', '--force')).code).toBe(0)
  expect(await readFile(out ?? '', 'utf8')).not.toBe(before)
})

test('the source may be a URL; one that fails or is not JSON is named', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/api.json') response.end(wholeSource(0))
    else if (request.url === '/page') response.end('<html>')
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const out = join(folder, 'fetched.json')
  expect((await run(`${base}/api.json`, '--out', out)).code).toBe(0)
  expect(await readFile(out, 'utf8')).toContain(`"source": "${base}/api.json"`)
  expect((await run(`${base}/gone`, '--out', out)).errors).toBe(`${base}/gone answered 404\n`)
  expect((await run(`${base}/page`, '--out', out)).errors).toContain(`${base}/page is not JSON`)
  server.close()
})

test('without a source it tells how to use it', async () => {
  const { code, errors } = await run()
  expect(code).toBe(2)
  expect(errors).toContain('npm run catalog -- FILE|URL')
})
