import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReservations } from '../../src/access/reservations.ts'

test('what is held is what was kept and neither let go nor forgotten, in any order', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('keep' as const), tokens: fc.nat(1000), dollars: fc.nat(1000) }),
    fc.record({ do: fc.constant('let go' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const holds = createReservations(100)
      const calls: { tokens: number; dollars: number; until: number; over: boolean; letGo: () => void }[] = []
      let now = 0
      for (const one of steps) {
        if (one.do === 'wait') now += one.ms
        else if (one.do === 'keep') calls.push({ ...one, until: now + 100, over: false, letGo: holds.keep(one, now) })
        else {
          const call = calls[one.which % (calls.length || 1)]
          if (call !== undefined) call.over = true
          call?.letGo()
        }
        const open = calls.filter(({ over, until }) => !over && until > now)
        const sum = (of: 'tokens' | 'dollars') => open.reduce((total, call) => total + call[of], 0)
        expect(holds.sum(now)).toEqual({ tokens: sum('tokens'), dollars: sum('dollars') })
      }
    }),
  )
})

test('fractions leave nothing behind', () => {
  const holds = createReservations(100)
  const letGo = [0.1, 0.2, 0.3, 0.7].map((dollars) => holds.keep({ tokens: 1, dollars }, 0))
  for (const one of letGo) one()
  expect(holds.sum(0)).toEqual({ tokens: 0, dollars: 0 })
})
