import { type Figures, meanOf } from './figures.ts'

/** Something promised, what came of it, and whether it was kept. */
export interface Target {
  readonly name: string
  readonly value: number
  readonly must: string
  readonly met: boolean
}

type Pick = (row: Figures) => number | undefined

const detect: Pick = ({ detectMs }) => detectMs ?? Number.POSITIVE_INFINITY
const recover: Pick = ({ recoverMs }) => recoverMs ?? Number.POSITIVE_INFINITY
const p95: Pick = ({ p95Ms }) => p95Ms
const faultSuccess: Pick = (row) => row.faultSuccess
const attempts: Pick = (row) => row.attempts
const WHOLE_FAULTS = ['whole: hang', 'whole: slow 20x', 'whole: cuts 30%']

const PROMISES: readonly [
  title: string,
  pick: Pick,
  relation: '<=' | '>=',
  bound: number,
  scenarios: readonly string[],
][] = [
  ['detect, ms', detect, '<=', 1000, ['hard outage']],
  ['detect, ms', detect, '<=', 3000, ['hang', 'brown-out 30%']],
  ['detect, ms', detect, '<=', 5000, ['cuts 30%', 'whole: cuts 30%', 'whole or streamed: hang']],
  ['detect, ms', detect, '<=', 10_000, ['whole: hang', 'whole: slow 20x']],
  ['p95 to the first word in fault, ms', p95, '<=', 1500, ['hard outage', 'brown-out 30%', '429, 20 s', 'regional']],
  ['p95 to the first word in fault, ms', p95, '<=', 3500, ['hang', 'slow 10x', 'hangs by dialect']],
  ['p95 to the first word in fault, ms', p95, '<=', 11_000, ['hang, cold']],
  ['p95 to the first word in fault, ms', p95, '<=', 40_000, ['hang, reasoning asked']],
  ['p95 to the answer in fault, ms', p95, '<=', 16_000, ['whole: cuts 30%', 'whole or streamed: hang']],
  ['p95 to the answer in fault, ms', p95, '<=', 45_000, ['whole: hang', 'whole: slow 20x']],
  [
    'success in fault, %',
    faultSuccess,
    '>=',
    99.85,
    [
      'hard outage',
      'hang',
      'brown-out 30%',
      'slow 10x',
      '429, 20 s',
      'flapping 10 s',
      'regional',
      'tier 0 down',
      'cold start',
      'old snapshot',
      '0.5 a second',
      '200 a second',
      'a provider fails',
      'skewed clocks',
      'objects gone 60 s',
      'objects evicted',
      'storage lost',
      'capacity 3 a second',
      'long prompts',
      ...WHOLE_FAULTS,
      'whole: healthy',
      'whole or streamed: hang',
      'hangs by dialect',
      'hostile tenant',
    ],
  ],
  ['success in fault, %', faultSuccess, '>=', 98.3, ['cuts 30%']],
  [
    'attempts per request in fault',
    attempts,
    '<=',
    1.05,
    [
      'hard outage',
      'hang',
      'brown-out 30%',
      'slow 10x',
      '429, 20 s',
      'cuts 30%',
      'flapping 10 s',
      'regional',
      'a provider fails',
      'capacity 3 a second',
      'whole: cuts 30%',
    ],
  ],
  // Fewer requests among which the same number meet the fault first; and of those that hang, a while goes by before any tells.
  [
    'attempts per request in fault',
    attempts,
    '<=',
    1.1,
    ['whole: hang', 'whole: slow 20x', 'hangs by dialect', 'hostile tenant'],
  ],
  ['attempts per request', attempts, '<=', 1.01, ['whole: healthy']],
  ['attempts per request in fault', attempts, '<=', 1.5, ['all down']],
  [
    'recover, ms',
    recover,
    '<=',
    20_000,
    ['hard outage', 'brown-out 30%', '429, 20 s', 'cuts 30%', 'regional', 'whole: cuts 30%', 'hostile tenant'],
  ],
  ['recover, ms', recover, '<=', 40_000, ['hang', 'slow 10x']],
  ['recover, ms', recover, '<=', 70_000, ['whole: hang', 'whole: slow 20x']],
  [
    'opened though well',
    ({ falseOpens }) => falseOpens,
    '<=',
    0,
    ['healthy', 'clients leave 20%', '400 storm', 'whole: healthy', 'hostile tenant', 'hangs by dialect'],
  ],
  ['attempts within 15 ms', ({ mostAtOnce }) => mostAtOnce, '<=', 25, ['short limits']],
]

const BASELINES = ['round robin', 'static priority', 'LiteLLM-like', 'LiteLLM-like, half', 'Portkey-like']

/** What of the promises the figures can tell, with what came of it. */
export function targetsOf(figures: readonly Figures[], isWhole: boolean): Target[] {
  const rowOf = (scenario: string, policy: string) =>
    figures.find((row) => row.scenario === scenario && row.policy === policy)
  const targets: Target[] = []
  const add = (name: string, value: number | undefined, relation: '<=' | '>=' | '<', bound: number) => {
    if (value === undefined) return
    const met = relation === '<=' ? value <= bound : relation === '<' ? value < bound : value >= bound
    targets.push({ name, value: round(value), must: `${relation} ${round(bound)}`, met })
  }
  for (const [title, pick, relation, bound, scenarios] of PROMISES) {
    for (const scenario of scenarios) {
      const row = rowOf(scenario, 'router9')
      add(`${title}: ${scenario}`, row && pick(row), relation, bound)
    }
  }
  const hard = rowOf('hard outage', 'router9')
  for (const scenario of ['old snapshot', 'objects gone 60 s']) {
    const row = rowOf(scenario, 'router9')
    add(`points of success in fault lost: ${scenario}`, hard && row && hard.faultSuccess - row.faultSuccess, '<=', 0.1)
  }
  for (const baseline of BASELINES) {
    for (const { scenario, success } of figures.filter(({ policy }) => policy === baseline)) {
      const own = rowOf(scenario, 'router9')
      add(`points of success behind ${baseline}: ${scenario}`, own && success - own.success, '<=', 0.1)
    }
  }
  if (!isWhole) return targets
  const regret: Pick = (row) => row.regret
  add('mean regret', meanOf(figures, 'router9', regret), '<=', 0.003)
  for (const baseline of BASELINES) {
    const theirs = meanOf(figures, baseline, regret)
    if (theirs !== undefined) add(`mean regret, against ${baseline}`, meanOf(figures, 'router9', regret), '<', theirs)
    const slow = meanOf(figures, baseline, p95)
    if (slow !== undefined) add(`mean p95 in fault, against ${baseline}`, meanOf(figures, 'router9', p95), '<', slow)
  }
  return targets
}

function round(value: number): number {
  return Number(value.toPrecision(6))
}
