import { expect, test } from 'vitest'
import { withoutSystemTurns } from '../../../src/formats/anthropic-messages/system-turns.ts'

const CALL = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] }
const RESULT = { type: 'tool_result', tool_use_id: 'a', content: 'x' }
const CACHE = { cache_control: { type: 'ephemeral' } }
const MESSAGES = [
  { role: 'system', content: 'First' },
  { role: 'user', content: 'Hi' },
  { role: 'system', content: [{ type: 'text', text: 'Be brief.', ...CACHE }] },
  CALL,
  { role: 'user', content: [RESULT] },
  { role: 'system', content: '' },
  { role: 'system', content: 'Last' },
]
const reminder = (text: string) => ({ type: 'text', text: `<system-reminder>\n${text}\n</system-reminder>` })

test('a model that refuses system messages within a conversation reads them as reminders in the user’s turn', () => {
  expect(withoutSystemTurns('claude-sonnet-4-6', MESSAGES)).toEqual([
    { role: 'user', content: [reminder('First')] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi' },
        { ...reminder('Be brief.'), ...CACHE },
      ],
    },
    CALL,
    { role: 'user', content: [RESULT, reminder('Last')] },
  ])
})

test('what takes a tool away or adds one is no reminder: it stays as it came', () => {
  const tools = { role: 'system', content: [{ type: 'text', text: 'Now:' }, { type: 'tool_removal' }] }
  const asked = { role: 'user', content: 'Hi' }
  const told = { role: 'system', content: 'Go on.' }
  expect(withoutSystemTurns('claude-sonnet-4-6', [asked, tools, told, told])).toEqual([
    asked,
    tools,
    { role: 'user', content: [reminder('Go on.'), reminder('Go on.')] },
  ])
})

test.each([
  ['claude-3-haiku-20240307', false],
  ['claude-2.1', false],
  ['claude-sonnet-4-20250514', false],
  ['claude-opus-4-1-20250805', false],
  ['claude-opus-4.7', false],
  ['claude-opus-4-8', true],
  ['claude-opus-4-10', true],
  ['claude-sonnet-5', true],
  ['claude-fable-5', true],
  ['claude-opus-latest', true],
])('%s takes them: %s', (model, takes) => {
  expect(withoutSystemTurns(model, MESSAGES) === MESSAGES).toBe(takes)
})
