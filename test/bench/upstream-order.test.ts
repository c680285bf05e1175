import { expect, test } from 'vitest'
import { orderText, readOrder } from './upstream-order.ts'

function order(path: string, body: object) {
  return readOrder(`POST ${path} HTTP/1.1\r\nhost: x`, Buffer.from(JSON.stringify(body)))
}

test('the user’s own words say how many events come how fast', () => {
  const text = `Hello ${orderText({ events: 20, eventsPerWrite: 10, pauseMs: 2 })}`
  expect(order('/openai/v1/chat/completions', { stream: true, messages: [{ content: text }] })).toEqual({
    wire: 'openai',
    stream: true,
    fails: false,
    events: 20,
    eventsPerWrite: 10,
    pauseMs: 2,
  })
})

test('the path says which wire is spoken', () => {
  expect(order('/anthropic/v1/messages', {}).wire).toBe('anthropic')
  expect(order('/cohere/v2/chat', {}).wire).toBe('cohere')
  expect(order('/google/v1beta/models/m:generateContent', {})).toMatchObject({ wire: 'gemini', stream: false })
  expect(order('/google/v1beta/models/m:streamGenerateContent?alt=sse', {}).stream).toBe(true)
})

test('a provider of its own always fails', () => {
  expect(order('/failing/xai/v1/chat/completions', {}).fails).toBe(true)
})
