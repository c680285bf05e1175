import { expect, test } from 'vitest'
import { sessionInHeader } from '../../src/gateway/session.ts'
import { labelsOf, projectIn } from '../../src/usage/labels.ts'

function labels(headers: Record<string, string>, project?: string) {
  const found = labelsOf((name) => headers[name] ?? null, project)
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== ''))
}

test.each([
  ['claude-cli/2.1.4 (external, cli)', 'claude-cli'],
  ['OpenAI/Python 2.3.0', 'OpenAI/Python'],
  ['codex_cli_rs/0.62.0 (Linux; x86_64)', 'codex_cli_rs'],
  ['  curl', 'curl'],
])('the client is the first word of its name, without a version: %s', (agent, client) => {
  expect(labels({ 'user-agent': agent })).toEqual({ client })
})

test('session and agents are as coding agents send them', () => {
  const claude = {
    'x-claude-code-session-id': 'a-session',
    'x-claude-code-agent-id': 'an-agent',
    'x-claude-code-parent-agent-id': 'its-parent',
  }
  expect(labels(claude)).toEqual({ session: 'a-session', agent: 'an-agent', parent_agent: 'its-parent' })
  const codex = { session_id: 'thread-1', 'x-openai-subagent': 'review', 'x-codex-parent-thread-id': 'thread-0' }
  expect(labels(codex)).toEqual({ session: 'thread-1', agent: 'review', parent_agent: 'thread-0' })
})

test('whoever knows that no header names a session has asked each header that could', () => {
  const askedBy = (read: (header: (name: string) => null) => unknown) => {
    const names: string[] = []
    read((name) => {
      names.push(name)
      return null
    })
    return names
  }
  const known = askedBy((header) => labelsOf(header, undefined, true))
  const further = askedBy((header) => labelsOf(header, undefined)).filter((name) => !known.includes(name))
  expect(further.length).toBeGreaterThan(0)
  expect(askedBy(sessionInHeader)).toEqual(expect.arrayContaining(further))
})

test('the project is the first that is named: our header, OpenRouter’s, the body', () => {
  const all = { 'x-router9-project': 'ours', 'x-title': 'App', 'http-referer': 'https://app.example' }
  expect(labels(all, 'body')).toEqual({ project: 'ours' })
  expect(labels({ ...all, 'x-router9-project': ' ' }, 'body')).toEqual({ project: 'App' })
  expect(labels({ 'http-referer': 'https://app.example' }, 'body')).toEqual({ project: 'https://app.example' })
  expect(labels({}, projectIn({ metadata: { project: 'body' } }))).toEqual({ project: 'body' })
  for (const body of [{}, { metadata: null }, { metadata: 'x' }, { metadata: { project: 7 } }]) {
    expect(projectIn(body)).toBeUndefined()
  }
})

test('a label is one line of at most 100 characters, without anything that looks like a key', () => {
  expect(labels({ 'x-title': 'a\u0000b\r\nc\u2028d' })).toEqual({ project: 'a b c d' })
  expect(labels({ 'x-title': 'é'.repeat(5000) }).project).toHaveLength(100)
  const key = 'sk-r9k-Abcdefgh1234567890Abcdefgh'
  expect(JSON.stringify(labels({ 'x-title': `use ${key}`, 'user-agent': key, session_id: key }))).not.toContain(
    'Abcdefgh',
  )
})
