/** Traffic for somebody who looks at the console without having any: of several clients, with sessions, failures and an outage. */

interface Demo {
  readonly url: string
  readonly key: string
  /** Where the simulator listens: it is told to have a provider fail. */
  readonly simulatorUrl: string
}

const EVERY_MS = 700
/** A provider is out for a part of each cycle, so that Now shows how one breaks and comes back. */
const OUTAGE = { provider: 'anthropic', cycleMs: 180_000, afterMs: 60_000, forMs: 40_000 }
const REQUEST_TIMEOUT_MS = 60_000
const MAX_TURNS = 6

interface Turn {
  readonly session: string
  readonly texts: readonly string[]
  readonly text: string
}

interface Client {
  readonly name: string
  readonly models: readonly string[]
  readonly path: (model: string) => string
  readonly body: (model: string, turn: Turn) => object
}

const CLIENTS: readonly Client[] = [
  {
    name: 'OpenAI/Python 2.0.0',
    models: ['gpt-5.4', 'gpt-4o', 'llama-3.3-70b-instruct', 'mistral-large-2512', 'auto'],
    path: () => '/v1/chat/completions',
    body: (model, { session, texts, text }) => ({
      model,
      stream: true,
      session_id: session,
      max_tokens: 200,
      messages: [...texts.flatMap(asTurns), { role: 'user', content: text }],
    }),
  },
  {
    name: 'claude-cli/2.0.0 (external, cli)',
    models: ['claude-sonnet-4-6'],
    path: () => '/v1/messages',
    body: (model, { session, texts, text }) => ({
      model,
      stream: true,
      max_tokens: 200,
      metadata: { user_id: session },
      messages: [...texts.flatMap(asTurns), { role: 'user', content: text }],
    }),
  },
  {
    name: 'codex_cli_rs/0.60.0',
    models: ['gpt-5.4'],
    path: () => '/v1/responses',
    body: (model, { session, text }) => ({ model, stream: true, prompt_cache_key: session, store: false, input: text }),
  },
  {
    name: 'google-genai-sdk/1.30.0',
    models: ['gemini-2.5-flash'],
    path: (model) => `/v1beta/models/${model}:generateContent`,
    body: (_, { text }) => ({ contents: [{ role: 'user', parts: [{ text }] }] }),
  },
]

const PROMPTS = [
  'Explain in two sentences why the sky is blue.',
  'Write a haiku about a quiet server room.',
  'Which of these is a prime number: 91, 97, 99?',
  'Translate into French: the parcel arrives on Friday.',
  'Suggest a name for a bakery that opens at night.',
]
/** What goes wrong now and then, in the simulator's words. */
const TROUBLES = [
  '[[sim * cut=3]]',
  '[[sim groq status=503]]',
  '[[sim mistral status=429]]',
  '[[sim openai latency=3000]]',
]
const TROUBLE_SHARE = 0.06
const UNKNOWN_MODEL_SHARE = 0.01

/** Sends until this program ends. What fails is what there is to see. */
export function startDemo(demo: Demo): void {
  const sessions = new Map<Client, { name: string; texts: string[] }>()
  let isOut = false
  const startedAt = Date.now()
  setInterval(() => {
    const at = (Date.now() - startedAt) % OUTAGE.cycleMs
    const shouldBeOut = at >= OUTAGE.afterMs && at < OUTAGE.afterMs + OUTAGE.forMs
    if (shouldBeOut !== isOut) void setOutage(demo, shouldBeOut)
    isOut = shouldBeOut
    const client = pick(CLIENTS)
    let session = sessions.get(client)
    if (session === undefined || session.texts.length >= MAX_TURNS) {
      session = { name: crypto.randomUUID(), texts: [] }
      sessions.set(client, session)
    }
    const trouble = Math.random() < TROUBLE_SHARE ? ` ${pick(TROUBLES)}` : ' [[sim * tokendelay=40]]'
    const turn = { session: session.name, texts: [...session.texts], text: pick(PROMPTS) + trouble }
    session.texts.push(turn.text.replace(/ \[\[.*/, ''))
    void send(demo, client, turn)
  }, EVERY_MS)
}

async function send({ url, key }: Demo, client: Client, turn: Turn): Promise<void> {
  const model = Math.random() < UNKNOWN_MODEL_SHARE ? 'gpt-99' : pick(client.models)
  try {
    const response = await fetch(url + client.path(model), {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': client.name },
      body: JSON.stringify(client.body(model, turn)),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    await response.text()
  } catch {
    // A broken stream is one of the things to see.
  }
}

async function setOutage({ simulatorUrl }: Demo, isOut: boolean): Promise<void> {
  const init = isOut ? { method: 'PUT', body: JSON.stringify({ status: 500 }) } : { method: 'DELETE' }
  await fetch(`${simulatorUrl}/control/faults/${OUTAGE.provider}`, init).catch(() => {})
}

function asTurns(text: string): readonly { role: string; content: string }[] {
  return [
    { role: 'user', content: text },
    { role: 'assistant', content: 'Noted.' },
  ]
}

function pick<Value>(values: readonly Value[]): Value {
  return values[Math.floor(Math.random() * values.length)] as Value
}
