import { expect, test } from 'vitest'
import { type HeapNode, selfBytes } from './self-bytes.ts'

function node(functionName: string, selfSize: number, children: readonly HeapNode[] = []): HeapNode {
  return { callFrame: { functionName, url: 'index.js', lineNumber: 9 }, selfSize, children }
}

test('a function’s bytes are summed over all that call it, and those that call it for the most are named', () => {
  const plan = (bytes: number) => node('plan', bytes)
  const [first, second, ...others] = selfBytes(
    node('(root)', 0, [node('chat', 30, [plan(60)]), node('retry', 0, [plan(20), node('', 5)])]),
  )
  expect(first).toEqual({
    name: 'plan',
    line: 10,
    bytes: 80,
    callers: [
      { name: 'chat', share: 0.75 },
      { name: 'retry', share: 0.25 },
    ],
  })
  expect(second).toMatchObject({ name: 'chat', bytes: 30 })
  expect(others).toMatchObject([{ name: '(anonymous)', bytes: 5 }])
})
