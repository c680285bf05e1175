import { expect, test } from 'vitest'
import { billOf, billTable, type Used } from './bill.ts'

const USED: Used = {
  calls: 2000,
  seconds: 20,
  cpuMs: 1000,
  kvReads: 10,
  kvWrites: 0,
  objectRequests: { 'Ledger.exchange': 20, 'Health.report': 40 },
  rowsWritten: 20,
  databaseRowsWritten: 4,
  subrequests: 2100,
  logLines: 2000,
  dataPoints: 2000,
}

test('what a run has used is scaled to a million calls, and priced', () => {
  const bill = new Map(billOf(USED).map((item) => [item.name, item]))
  expect(bill.get('Worker requests')).toMatchObject({ amount: 1_000_000, dollars: 0.3 })
  expect(bill.get('CPU milliseconds')).toMatchObject({ amount: 500_000, dollars: 0.01 })
  expect(bill.get('KV reads')).toMatchObject({ amount: 5000, dollars: 0.0025 })
  expect(bill.get('Durable Object requests: `Health.report`')).toMatchObject({ amount: 20_000, dollars: 0.003 })
  expect(bill.get('Durable Object requests: `Ledger.exchange`')).toMatchObject({ amount: 10_000, dollars: 0.0015 })
  expect(bill.get('Durable Object GB-seconds')?.amount).toBeCloseTo(30_000 * 0.005 * 0.128)
  expect(bill.get('D1 rows written')).toMatchObject({ amount: 2000, dollars: 0.002 })
  expect(bill.get('Subrequests to providers')).toMatchObject({ amount: 1_050_000, dollars: 0 })
})

test('bills stand side by side, whatever one of them lacks', () => {
  const other = billOf({ ...USED, objectRequests: { 'Health.report': 40 } })
  const table = billTable([
    { name: 'busy', items: billOf(USED) },
    { name: 'quiet', items: other },
  ])
  expect(table).toContain('| for a million calls | price of a million | busy | quiet |')
  expect(table).toContain('| Durable Object requests: `Ledger.exchange` | $0.15 | 10,000 ($0.00) | 0 |')
  expect(table).toContain('| Subrequests to providers | free | 1,050,000 | 1,050,000 |')
  expect(table.split('\n').at(-1)).toMatch(/^\| \*\*together\*\* \| {2}\| \*\*\$\d\.\d\d\*\* \| \*\*\$\d\.\d\d\*\* \|$/)
})
