import { describe, expect, test } from 'vitest'
import { type Env, readSettings } from '../src/env.ts'

function settingsOf(vars: Record<string, string>) {
  return readSettings({ KEYS: {}, ...vars } as unknown as Env)
}

const addressOf = (address: string, further: Record<string, string> = {}) =>
  settingsOf({ CUSTOM_BASE_URL: address, ...further }).providers.get('custom')?.baseUrl

describe('a provider’s key travels in the clear only where nobody listens', () => {
  test.each([
    'https://api.example.com/v1',
    'https://203.0.113.7/v1',
    'http://localhost:11434/v1',
    'http://ollama:11434/v1',
    'http://models.localhost/v1',
    'http://nas.local/v1',
    'http://vllm.prod.internal/v1',
    'http://box.home.arpa/v1',
    'http://127.0.0.1:8000/v1',
    'http://127.9.9.9/v1',
    'http://10.1.2.3/v1',
    'http://192.168.1.20:1234/v1',
    'http://172.16.0.1/v1',
    'http://172.31.255.1/v1',
    'http://[::1]:8080/v1',
    'http://[fd12:3456::1]/v1',
  ])('%s is taken', (address) => {
    expect(addressOf(address)).toBe(address)
  })

  test.each([
    'http://api.example.com/v1',
    'http://example.com.:80/v1',
    'http://203.0.113.7/v1',
    'http://172.32.0.1/v1',
    'http://11.0.0.1/v1',
    'http://10.example.com/v1',
    'http://192.168.1.20.example.com/v1',
    'http://localhost.example.com/v1',
    'http://not.locale/v1',
    'http://[2001:db8::1]/v1',
    'http://fd00.example.net/v1',
  ])('%s is refused by the name of its setting, unless ALLOW_HTTP_UPSTREAMS=on', (address) => {
    expect(() => addressOf(address)).toThrow(/CUSTOM_BASE_URL must be an https address.*ALLOW_HTTP_UPSTREAMS=on/)
    expect(addressOf(address, { ALLOW_HTTP_UPSTREAMS: 'on' })).toBe(address)
    expect(() => addressOf(address, { ALLOW_HTTP_UPSTREAMS: 'off' })).toThrow('CUSTOM_BASE_URL')
  })

  test('no provider’s own address is without https', () => {
    const azure = { AZURE_OPENAI_BASE_URL: 'https://a.openai.azure.com/openai/v1' }
    const keys = { ...azure, WORKERS_AI_ACCOUNT_ID: 'account', BEDROCK_REGION: 'eu-west-1' }
    const names = ['OPENAI', 'ANTHROPIC', 'GEMINI', 'GROQ', 'MISTRAL', 'DEEPSEEK', 'XAI', 'TOGETHER', 'FIREWORKS']
    const others = [
      'OPENROUTER',
      'CEREBRAS',
      'PERPLEXITY',
      'MOONSHOT',
      'COHERE',
      'AZURE_OPENAI',
      'WORKERS_AI',
      'BEDROCK',
    ]
    const all = Object.fromEntries([...names, ...others].map((name) => [`${name}_API_KEY`, 'k']))
    const { providers } = settingsOf({ ...keys, ...all })
    expect(providers.size).toBe(names.length + others.length)
    for (const { baseUrl } of providers.values()) expect(baseUrl).toMatch(/^https:/)
    expect(providers.get('bedrock')?.baseUrl).toBe('https://bedrock-runtime.eu-west-1.amazonaws.com')
    expect(() => settingsOf({ BEDROCK_API_KEY: 'k' })).toThrow('BEDROCK_REGION is needed beside BEDROCK_API_KEY')
  })
})

describe('Google’s key', () => {
  const headersWith = (key: string) => settingsOf({ GEMINI_API_KEY: key }).providers.get('google')?.headers

  test('has a header of its own', () => {
    expect(headersWith('AIza-key')).toEqual({ 'x-goog-api-key': 'AIza-key' })
  })

  test('that is an access token goes as a bearer, which Vertex insists on at a project’s address', () => {
    expect(headersWith('ya29.token')).toEqual({ authorization: 'Bearer ya29.token' })
  })
})

test('a key that looks like Google’s access token is an ordinary one elsewhere', () => {
  expect(settingsOf({ ANTHROPIC_API_KEY: 'ya29.k' }).providers.get('anthropic')?.headers).toEqual({
    'x-api-key': 'ya29.k',
  })
})

test('answers are kept for 30 days, for as long as the setting says, or not at all', () => {
  const days = (vars: Record<string, string>) => settingsOf(vars).retentionMs / 86_400_000
  expect(days({})).toBe(30)
  expect(days({ RESPONSES_RETENTION: '7d' })).toBe(7)
  expect(days({ RESPONSES_RETENTION: '12h' })).toBe(0.5)
  expect(days({ RESPONSES_STORE: 'off', RESPONSES_RETENTION: '7d' })).toBe(0)
  for (const text of ['7', '0d', '1w', '-1d', '99999d']) {
    expect(() => days({ RESPONSES_RETENTION: text })).toThrow(/RESPONSES_RETENTION must be a number of days or hours/)
  }
})

test.each([
  ['USAGE', 'on'],
  ['USAGE_WRITE_SECONDS', '0'],
  ['USAGE_WRITE_SECONDS', '301'],
  ['READ_ABANDONED_STREAMS', 'yes'],
  ['ABANDONED_STREAM_TIMEOUT_MS', '28001'],
  ['CALL_HISTORY', 'some'],
  ['HEDGE', 'true'],
])('%s=%s stops the Worker with an error that names it', (name, value) => {
  expect(() => settingsOf({ [name]: value })).toThrow(name)
})

test('usage is kept where there is a database, and only there', () => {
  expect(settingsOf({}).keepsUsage).toBe(false)
  expect(settingsOf({ USAGE: 'off' }).keepsUsage).toBe(false)
  expect(readSettings({ KEYS: {}, USAGE: { prepare() {} } } as unknown as Env).keepsUsage).toBe(true)
})

describe('where spans go', () => {
  const otlpOf = (vars: Record<string, string>) => settingsOf(vars).otlp
  const AT = 'https://otlp.example.com'

  test('is nowhere, unless an address says so', () => {
    expect(otlpOf({})).toBeUndefined()
    expect(otlpOf({ OTLP_CONTENT: 'off' })).toBeUndefined()
  })

  test.each([
    [AT, `${AT}/v1/traces`],
    [`${AT}/otlp/`, `${AT}/otlp/v1/traces`],
    [`${AT}/v1/traces`, `${AT}/v1/traces`],
    ['http://127.0.0.1:4318', 'http://127.0.0.1:4318/v1/traces'],
  ])('is %s, at the path of traces', (address, url) => {
    expect(otlpOf({ OTLP_ENDPOINT: address })).toEqual({ url, headers: {}, withContent: false })
  })

  test('has headers in the form of OpenTelemetry’s own variable', () => {
    const text = 'authorization=Basic%20YTpi==, x-team = one'
    expect(otlpOf({ OTLP_ENDPOINT: AT, OTLP_HEADERS: text, OTLP_CONTENT: 'on' })).toMatchObject({
      headers: { authorization: 'Basic YTpi==', 'x-team': 'one' },
      withContent: true,
    })
  })

  test.each([
    [{ OTLP_ENDPOINT: 'http://otlp.example.com' }, 'OTLP_ENDPOINT'],
    [{ OTLP_ENDPOINT: 'https://somebody:secret@otlp.example.com' }, 'OTLP_ENDPOINT'],
    [{ OTLP_ENDPOINT: `${AT}?key=secret` }, 'OTLP_ENDPOINT'],
    [{ OTLP_HEADERS: 'a=secret' }, 'OTLP_ENDPOINT is needed beside OTLP_HEADERS'],
    [{ OTLP_CONTENT: 'on' }, 'OTLP_ENDPOINT is needed beside OTLP_CONTENT'],
    [{ OTLP_ENDPOINT: AT, OTLP_CONTENT: 'yes' }, 'OTLP_CONTENT'],
    [{ OTLP_ENDPOINT: AT, OTLP_HEADERS: 'a=b,secret' }, 'OTLP_HEADERS must be a list of name=value; number 2'],
    [{ OTLP_ENDPOINT: AT, OTLP_HEADERS: 'a b=secret' }, 'OTLP_HEADERS'],
    [{ OTLP_ENDPOINT: AT, OTLP_HEADERS: 'a=%0Asecret' }, 'OTLP_HEADERS'],
    [{ OTLP_ENDPOINT: AT, OTLP_HEADERS: 'a=%secret' }, 'OTLP_HEADERS'],
  ])('makes no sense as %j, which is said without the value', (vars, complaint) => {
    expect(() => otlpOf(vars as Record<string, string>)).toThrow(complaint)
    expect(() => otlpOf(vars as Record<string, string>)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
