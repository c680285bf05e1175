import path from 'node:path'
import { PROVIDERS } from '../../catalog/providers.ts'
import { ROOT } from '../shared/root.ts'
import { startChild } from './children.ts'

const SIMULATOR = path.join(ROOT, 'test/simulator/main.ts')

/** Starts the simulator, and returns its address and the options of `wrangler dev` that send the requests for every provider to it. */
export async function startSimulator(): Promise<{ readonly url: string; readonly options: readonly string[] }> {
  const simulator = startChild([SIMULATOR, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve, reject) => {
    simulator.stdout?.once('data', (data) => resolve(String(data)))
    simulator.once('exit', () => reject(new Error('the provider simulator ended at once')))
  })
  const url = /http:\/\/\S+/.exec(line)?.[0] ?? ''
  const options = PROVIDERS.flatMap(({ id, settingPrefix }) => [
    '--var',
    `${settingPrefix}_BASE_URL:${url}/${id}`,
    '--var',
    `${settingPrefix}_API_KEY:simulated`,
  ])
  return { url, options }
}
