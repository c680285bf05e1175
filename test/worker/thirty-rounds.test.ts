import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { type Fields, fieldsOf, rowsOf, textOf } from '../simulator/json.ts'

// An agent's loop: each call must come back with the reasoning before it, or the provider refuses the next request.
const router9 = useRouter9()

const ROUNDS = 30
const SCHEMA = { type: 'object', properties: { file_path: { type: 'string' } }, required: ['file_path'] }
const NAMES = ['Read', ...Array.from({ length: 11 }, (_, at) => `Tool${at}`)]
const ORDER = `<system-reminder>Use Tool3.</system-reminder>[[sim * call=Read {"file_path":"%round%.txt"} repeat=${ROUNDS} insist say="All done"]]`
const MODELS = [
  'gemini-3.5-flash',
  'gpt-5.1-codex',
  'o4-mini',
  'claude-opus-4-8',
  'deepseek-reasoner',
  'kimi-k2-thinking',
]

/** One turn of a model, as a client of one API sees it. */
interface Turn {
  text: string
  /** The arguments of its calls. */
  calls: string[]
  /** Whether it reasoned before them: only then anything is insisted on. */
  isReasoned: boolean
  /** What the conversation grows by. */
  added: Fields[]
}

interface Api {
  path: string
  body: (model: string, conversation: Fields[]) => Fields
  read: (answer: Fields) => Turn
}

const RESULT = 'The file is empty.'

const APIS: Record<string, Api> = {
  'the Messages API': {
    path: '/v1/messages?beta=true',
    body: (model, messages) => ({
      model,
      messages,
      max_tokens: 8000,
      thinking: { type: 'adaptive' },
      tools: NAMES.map((name) => ({ name, input_schema: SCHEMA })),
    }),
    read({ content }) {
      const uses = rowsOf(content).filter(({ type }) => type === 'tool_use')
      const results = uses.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: RESULT }))
      return {
        text: textOf(rowsOf(content).at(-1)?.text),
        isReasoned: rowsOf(content).some(({ type }) => /thinking$/.test(textOf(type))),
        calls: uses.map(({ input }) => JSON.stringify(input)),
        added: [
          { role: 'assistant', content },
          { role: 'user', content: results },
        ],
      }
    },
  },
  Responses: {
    path: '/v1/responses',
    body: (model, input) => ({
      model,
      input,
      store: false,
      include: ['reasoning.encrypted_content'],
      reasoning: { effort: 'medium' },
      tools: NAMES.map((name) => ({ type: 'function', name, parameters: SCHEMA, strict: false })),
    }),
    read({ output }) {
      const items = rowsOf(output)
      const calls = items.filter(({ type }) => type === 'function_call')
      const results = calls.map(({ call_id }) => ({ type: 'function_call_output', call_id, output: RESULT }))
      const message = items.find(({ type }) => type === 'message')
      return {
        text: textOf(rowsOf(message?.content)[0]?.text),
        isReasoned: items.some(({ type }) => type === 'reasoning'),
        calls: calls.map((call) => textOf(call.arguments)),
        added: [...items, ...results],
      }
    },
  },
}

async function ask({ path, body }: Api, model: string, conversation: Fields[]): Promise<Fields> {
  const response = await fetch(`${router9.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${DEMO_KEY}`,
      'anthropic-version': '2023-06-01',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body(model, conversation)),
  })
  const answer = (await response.json()) as Fields
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return answer
}

test.each(Object.keys(APIS).flatMap((api) => MODELS.map((model) => ({ api, model }))))(
  '$model keeps its reasoning through thirty rounds of tools in $api',
  async ({ api, model }) => {
    const spoken = APIS[api] as Api
    const conversation: Fields[] = [{ role: 'user', content: ORDER }]
    const called: unknown[] = []
    for (;;) {
      const { text, isReasoned, calls, added } = spoken.read(await ask(spoken, model, conversation))
      if (calls.length === 0) {
        expect(text).toBe('All done')
        break
      }
      expect(isReasoned).toBe(true)
      called.push(...calls.map((call) => fieldsOf(JSON.parse(call))?.file_path))
      conversation.push(...added)
    }
    expect(called).toEqual(Array.from({ length: ROUNDS }, (_, at) => `${at + 1}.txt`))
  },
)
