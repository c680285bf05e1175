import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReservations } from '../../src/access/reservations.ts'

test('the total is what was reserved and is neither released nor expired, in any order', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('reserve' as const), tokens: fc.nat(1000), dollars: fc.nat(1000) }),
    fc.record({ do: fc.constant('release' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const reservations = createReservations(100)
      const calls: { tokens: number; dollars: number; until: number; over: boolean; release: () => void }[] = []
      let now = 0
      for (const one of steps) {
        if (one.do === 'wait') now += one.ms
        else if (one.do === 'reserve')
          calls.push({ ...one, until: now + 100, over: false, release: reservations.reserve(one, now) })
        else {
          const call = calls[one.which % (calls.length || 1)]
          if (call !== undefined) call.over = true
          call?.release()
        }
        const open = calls.filter(({ over, until }) => !over && until > now)
        const sum = (of: 'tokens' | 'dollars') => open.reduce((total, call) => total + call[of], 0)
        expect(reservations.total(now)).toEqual({ tokens: sum('tokens'), dollars: sum('dollars') })
      }
    }),
  )
})

test('released fractions leave no rounding error behind', () => {
  const reservations = createReservations(100)
  const release = [0.1, 0.2, 0.3, 0.7].map((dollars) => reservations.reserve({ tokens: 1, dollars }, 0))
  for (const one of release) one()
  expect(reservations.total(0)).toEqual({ tokens: 0, dollars: 0 })
})
