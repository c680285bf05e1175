import { expect, test } from 'vitest'
import { learnProviderLimits } from '../../src/access/provider-limits.ts'
import { toUsage } from '../../src/chat/event.ts'
import { admitAttempt, type BillInput, closeBill, openBill, openHedge, settleBill } from '../../src/gateway/bill.ts'
import type { Target } from '../../src/routing/target.ts'
import { createMemoryLedgers } from '../access/memory-ledger.ts'

const deployment = {
  provider: 'acme',
  upstreamModel: 'm',
  traits: { contextTokens: 1000, outputTokens: 1000 },
  // A hundred tokens cost a dollar.
  price: { input: 0, output: 10_000 },
}

/** A target in one variant of the only deployment. */
function targetAs(variant: 'nitro' | 'floor'): Target {
  return { model: 'm', deployment, variant } as unknown as Target
}

test('two variants of a deployment that are asked side by side both count for its provider, and hold nothing afterwards', async () => {
  learnProviderLimits([{ name: 'provider:all', text: '{"providers":{"acme":{"budget":1}}}' }] as never, false)
  const { objects } = createMemoryLedgers()
  const [first, second] = [targetAs('nitro'), targetAs('floor')]
  const open = (outputTokens: number) =>
    openBill({
      caller: { id: 'key_a', name: 'test', created: '2026-01-01T00:00:00Z' },
      objects,
      waitUntil: () => {},
      settings: { prices: new Map(), providers: new Map() },
      needs: { promptTokens: () => 0, outputTokens, answers: 1, reasoning: 'none' },
      plan: { candidates: [first, second] },
    } as unknown as BillInput)
  const bill = await open(30)
  expect(await admitAttempt(bill, first)).toBeUndefined()
  const hedge = await openHedge(bill, second)
  await hedge.lose(first, Promise.resolve(toUsage(0, 10)))
  settleBill(bill, toUsage(0, 10), second, 'complete')
  closeBill(bill)
  // Twenty cents are used.
  const further = await open(75)
  expect(await admitAttempt(further, first)).toBeUndefined()
  expect(await admitAttempt(await open(10), first)).toMatchObject({ kind: 'budget' })
})
