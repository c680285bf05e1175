import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** What processes have used so far. */
export interface Cost {
  readonly cpuUs: number
  readonly rssMb: number
}

/** CPU time and memory of some processes: to the nanosecond on Linux, in ticks elsewhere, NaN where nobody can tell. */
export function costOf(pids: readonly number[]): Cost {
  if (pids.length === 0) return { cpuUs: Number.NaN, rssMb: Number.NaN }
  const costs = pids.map(process.platform === 'linux' ? fromProc : fromPs)
  return {
    cpuUs: costs.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    rssMb: costs.reduce((sum, { rssMb }) => sum + rssMb, 0),
  }
}

function fromProc(pid: number): Cost {
  if (!existsSync(`/proc/${pid}`)) throw new Error(`there is no process ${pid}`)
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [ran = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    nanoseconds += Number(ran)
  }
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return { cpuUs: nanoseconds / 1000, rssMb: (pages * 4096) / 2 ** 20 }
}

function fromPs(pid: number): Cost {
  try {
    const [time = '', rssKb = ''] = execFileSync('ps', ['-o', 'time=,rss=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
    return { cpuUs: readClock(time) * 1_000_000, rssMb: Number(rssKb) / 1024 }
  } catch {
    return { cpuUs: Number.NaN, rssMb: Number.NaN }
  }
}

/** Seconds of `1-02:03:04`, `02:03:04` or `3:04.56`, as `ps` writes them. */
export function readClock(text: string): number {
  const [days, clock] = text.includes('-') ? text.split('-') : ['0', text]
  const seconds = (clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return Number(days) * 86_400 + seconds
}
