import { expect, test } from 'vitest'
import { ask, saying, sayingToClaude, sayingToGemini, useSimulator } from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'

useSimulator()

const QUESTION = 'Search for cats'

test("Anthropic's search is a use and a result before a text that cites it, streamed or whole", async () => {
  const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
  const said = await ask('/anthropic/v1/messages', sayingToClaude(QUESTION, { tools }))
  const content = rowsOf(said.json.content)
  expect(content).toMatchObject([
    { type: 'server_tool_use', name: 'web_search', input: { query: QUESTION } },
    { type: 'web_search_tool_result', tool_use_id: content[0]?.id },
    { type: 'text', citations: [{ type: 'web_search_result_location' }] },
  ])
  expect(fieldsOf(said.json.usage)?.server_tool_use).toMatchObject({ web_search_requests: 1 })
  const next = (blocks: Fields[]): Fields => ({
    ...sayingToClaude('', { tools }),
    messages: [
      { role: 'user', content: QUESTION },
      { role: 'assistant', content: blocks },
      { role: 'user', content: 'Hi' },
    ],
  })
  expect((await ask('/anthropic/v1/messages', next(content))).status).toBe(200)
  const forged = JSON.stringify(content).replaceAll('example.com', 'example.org')
  expect((await ask('/anthropic/v1/messages', next(JSON.parse(forged)))).status).toBe(400)

  const streamed = await ask('/anthropic/v1/messages', sayingToClaude(QUESTION, { tools, stream: true }))
  const starts = streamed.events.map(({ content_block: block }) => fieldsOf(block)?.type).filter(Boolean)
  expect(starts).toEqual(['server_tool_use', 'web_search_tool_result', 'text'])
  expect(streamed.text).toContain('citations_delta')
})

test("Gemini's search is told in the grounding of the last chunk", async () => {
  const said = await ask(
    '/gemini/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse',
    sayingToGemini(QUESTION, { tools: [{ googleSearch: {} }] }),
  )
  const candidate = rowsOf(said.events.at(-1)?.candidates)[0]
  expect(fieldsOf(candidate?.groundingMetadata)?.webSearchQueries).toEqual([QUESTION])
})

test("OpenAI's search models annotate their text", async () => {
  const more = { model: 'gpt-4o-search-preview', web_search_options: {} }
  const said = await ask('/openai/v1/chat/completions', saying(QUESTION, more))
  const message = fieldsOf(rowsOf(said.json.choices)[0]?.message)
  const cited = fieldsOf(rowsOf(message?.annotations)[0]?.url_citation)
  expect(String(message?.content).slice(Number(cited?.start_index))).toContain(String(cited?.url))
  const streamed = await ask('/openai/v1/chat/completions', saying(QUESTION, { ...more, stream: true }))
  expect(streamed.text).toContain('"annotations":[{"type":"url_citation"')
})
