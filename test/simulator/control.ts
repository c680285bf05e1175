import { type Faults, readFault } from './faults.ts'
import { parseJson } from './json.ts'
import type { Requests } from './requests.ts'

/** What a control request asks for. */
export interface ControlRequest {
  method: string
  /** The path after `/control`, and the query. */
  url: URL
  body: string
}

/** Answers under `/control`: health, faults and recorded requests. */
export function control(
  { method, url, body }: ControlRequest,
  faults: Faults,
  requests: Requests,
): { status: number; body: unknown } {
  const [, , room, slot] = url.pathname.split('/')
  if (room === 'health' && method === 'GET') return { status: 200, body: { ok: true } }
  if (room === 'faults' && method === 'PUT' && slot !== undefined && slot !== '') {
    const read = readFault(parseJson(body))
    if ('problem' in read) return { status: 400, body: { error: { message: read.problem } } }
    faults.set(slot, read.fault)
    return { status: 200, body: { slot, fault: read.fault } }
  }
  if (room === 'faults' && method === 'DELETE') {
    if (slot === undefined || slot === '') faults.clear()
    else faults.set(slot, null)
    return { status: 200, body: { ok: true } }
  }
  if (room === 'requests' && method === 'GET') {
    return { status: 200, body: requests.list(url.searchParams.get('slot') ?? undefined) }
  }
  if (room === 'requests' && method === 'DELETE') {
    requests.clear()
    return { status: 200, body: { ok: true } }
  }
  return { status: 404, body: { error: { message: `no control at ${method} ${url.pathname}` } } }
}
