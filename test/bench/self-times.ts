/** A CPU profile, as Chrome's protocol has it: as much of it as is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** What a function took by itself, without those it called. */
export interface SelfTime {
  readonly name: string
  readonly line: number
  readonly us: number
  /** The lines of the bundle that took the most, with their share of the function's time. */
  readonly hottest: readonly { readonly line: number; readonly share: number }[]
}

/** Functions by the time that they took themselves, the longest first. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const times = new Map<number, number>()
  samples.forEach((id, at) => {
    times.set(id, (times.get(id) ?? 0) + (timeDeltas[at] ?? 0))
  })
  const functions = new Map<string, { name: string; line: number; us: number; ticks: Map<number, number> }>()
  for (const { id, callFrame, positionTicks = [] } of nodes) {
    const { functionName, url, lineNumber } = callFrame
    const key = `${functionName} ${url} ${lineNumber}`
    const one = functions.get(key) ?? { name: functionName, line: lineNumber + 1, us: 0, ticks: new Map() }
    functions.set(key, one)
    one.us += times.get(id) ?? 0
    for (const { line, ticks } of positionTicks) one.ticks.set(line, (one.ticks.get(line) ?? 0) + ticks)
  }
  return [...functions.values()]
    .filter(({ us }) => us > 0)
    .sort((a, b) => b.us - a.us)
    .map(({ name, line, us, ticks }) => {
      const all = [...ticks.values()].reduce((sum, count) => sum + count, 0)
      const hottest = [...ticks].sort((a, b) => b[1] - a[1]).slice(0, 2)
      return {
        name: name || '(anonymous)',
        line,
        us,
        hottest: hottest.map(([at, count]) => ({ line: at, share: count / all })),
      }
    })
}
