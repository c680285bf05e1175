import type { Asked } from './arguments.ts'
import { clientRequests } from './client-requests.ts'
import { endpoints } from './endpoints.ts'
import { faultTable, largeEvents, leavingClients, refusedConnections, statuses } from './faults.ts'
import { generated, plans } from './generated.ts'
import { inputs } from './inputs.ts'
import { recordings } from './recordings.ts'
import type { Source } from './source.ts'
import { tapedTests } from './taped-tests.ts'

/** All that is compared, each made when its turn comes. Recordings are there where the environment names their folders. */
export function allSources({ quick, seed, count, tape }: Asked): (() => Promise<Source[]>)[] {
  const { RECORDINGS: answers = '', CLIENT_RECORDINGS: requests = '' } = process.env
  return [
    async () => [endpoints(quick)],
    async () => [inputs(quick)],
    async () => [statuses(quick)],
    async () => (answers === '' ? [] : [recordings(answers, quick)]),
    async () => (requests === '' ? [] : clientRequests(requests, quick)),
    async () => [generated(seed, count)],
    async () => [plans(seed, Math.round(count / 4))],
    async () => [await refusedConnections()],
    async () => [faultTable(quick)],
    async () => [leavingClients(quick)],
    async () => (quick ? [] : [largeEvents()]),
    async () => (tape === undefined ? [] : tapedTests(tape)),
  ]
}
