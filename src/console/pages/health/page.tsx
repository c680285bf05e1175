import { useEffect, useRef, useState } from 'preact/hooks'
import { useLoaded } from '../../api/load.ts'
import { ApiError, ask } from '../../api/request.ts'
import { isSignedIn, session, viewingKey } from '../../api/session.ts'
import {
  type Deployment,
  type Health,
  inOrder,
  isIll,
  nameOfRegion,
  type ProviderList,
  stateOf,
  times,
  whyOf,
  worstOf,
} from '../../parts/deployment-health.ts'
import { count, duration, percent } from '../../parts/format.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { Empty, Failed, Shown } from '../../parts/states.tsx'
import { Strip } from './strip.tsx'

const EVERY_MS = 2000
/** Without an answer for so long, the page says that there is none. */
const ANSWER_TIMEOUT_MS = 5000
/** Data of this age is old enough to say so in colour. */
const OLD_MS = 10_000

/** How every deployment does at this moment, ill ones first. */
export function Page() {
  if (!isSignedIn.value) return <SignIn wanted="To see how the providers do, any key will do." />
  return <Now key={viewingKey.value} />
}

function Now() {
  const loaded = useLoaded(loadNow, [], EVERY_MS)
  const { value, error, at, reload } = loaded
  const now = useClock()
  const deployments = value?.data.flatMap((provider) => provider.deployments) ?? []
  const { shown, isStale, sort, watch } = useSteadyOrder(deployments)
  if (value === undefined) {
    return (
      <>
        <h1>Now</h1>
        <Shown loaded={loaded}>{() => null}</Shown>
      </>
    )
  }
  const ageMs = Math.max(now - at, 0)
  const isOld = error !== undefined || ageMs > OLD_MS
  const asked = [...new Set(deployments.flatMap(({ regions }) => regions.map(({ region }) => region)))]
  const silent = value.regions.filter(({ answered }) => !answered).map(({ region }) => nameOfRegion(region))
  return (
    <>
      <div class="now-head">
        <h1>Now</h1>
        <p class={isOld ? 'now-age bad' : 'now-age muted'}>
          {isOld ? `${error?.message ?? 'Router9 does not answer.'} This is ${duration(ageMs)} old.` : 'Live'}
        </p>
      </div>
      {error?.status === 401 && <Failed error={error} retry={reload} />}
      <Summary deployments={deployments} />
      <div class="now-bar muted">
        {isStale ? (
          <button type="button" class="button small" onClick={sort}>
            Sort again: ill ones have changed
          </button>
        ) : (
          <>
            {silent.length === 0 ? 'All regions answer.' : `No answer from ${silent.join(', ')}.`}
            {asked.length === 1 && ` All requests came through ${nameOfRegion(asked[0])}.`}
          </>
        )}
      </div>
      {deployments.length === 0 ? (
        <Empty title="No provider was asked lately">
          <p class="muted">
            What is known comes from requests. Send one in the <a href="/console/play">Playground</a>.
          </p>
        </Empty>
      ) : (
        <ul class="now-list" {...watch}>
          {shown.map((deployment) => (
            <Row
              key={deployment.id}
              deployment={deployment}
              now={Date.parse(value.at) + ageMs}
              namesRegion={asked.length > 1}
            />
          ))}
        </ul>
      )}
      <Unasked list={value} />
      {session.value.managementKey === undefined && (
        <p class="muted">How many requests there are is shown to a management key only.</p>
      )}
    </>
  )
}

async function loadNow(signal: AbortSignal): Promise<ProviderList> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  try {
    return await ask('/v1/providers?region=all', { signal: AbortSignal.any([signal, timeout]) })
  } catch (error) {
    if (timeout.aborted && !signal.aborted) throw new ApiError(0, { message: 'Router9 does not answer.' })
    throw error
  }
}

/** The viewer's clock, each second. */
function useClock(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** Rows keep their places while somebody reads them: with the pointer or the focus in the list, or scrolled down. */
function useSteadyOrder(deployments: readonly Deployment[]) {
  const order = useRef<readonly string[]>([])
  const isPointed = useRef(false)
  const list = useRef<HTMLUListElement>(null)
  const [, redraw] = useState(0)
  const wanted = inOrder(deployments)
  const isRead = isPointed.current || scrollY > 0 || (list.current?.contains(document.activeElement) ?? false)
  if (!isRead) order.current = wanted
  // What is new comes last, so that nothing moves down for it.
  const kept = order.current.filter((id) => wanted.includes(id))
  order.current = [...kept, ...wanted.filter((id) => !kept.includes(id))]
  const byId = new Map(deployments.map((one) => [one.id, one]))
  return {
    shown: order.current.flatMap((id) => byId.get(id) ?? []),
    isStale: order.current.some((id, at) => id !== wanted[at]),
    sort() {
      order.current = wanted
      scrollTo(0, 0)
      redraw((times) => times + 1)
    },
    watch: {
      ref: list,
      onPointerEnter: () => {
        isPointed.current = true
      },
      onPointerLeave: () => {
        isPointed.current = false
      },
    },
  }
}

/** So many fit above the list without moving it far down; all are at its top. */
const MAX_NAMED = 4

function Summary({ deployments }: { deployments: readonly Deployment[] }) {
  const ill = deployments.filter(isIll)
  if (deployments.length === 0) return null
  if (ill.length === 0) {
    return (
      <p class="now-summary good" role="status">
        {deployments.length === 1
          ? 'The one deployment that was asked is well.'
          : `All ${deployments.length} deployments are well.`}
      </p>
    )
  }
  const byId = new Map(ill.map((one) => [one.id, one]))
  const names = inOrder(ill).flatMap((id) => byId.get(id) ?? [])
  const tone = stateOf(worstOf(names[0] as Deployment)).tone
  return (
    <p class={`now-summary ${tone}`} role="status">
      <strong>
        {ill.length} of {deployments.length} not well:
      </strong>{' '}
      {names
        .slice(0, MAX_NAMED)
        .map((one) => `${one.id} (${stateOf(worstOf(one)).word.toLowerCase()})`)
        .join(', ')}
      {names.length > MAX_NAMED && ` and ${names.length - MAX_NAMED} more`}
    </p>
  )
}

interface RowInput {
  deployment: Deployment
  now: number
  /** Not where all are in the same region: that is said once. */
  namesRegion: boolean
}

function Row({ deployment, now, namesRegion }: RowInput) {
  const worst = worstOf(deployment)
  const { word, tone } = stateOf(worst)
  const why = whyOf(worst, now)
  const where = 'region' in worst ? `${nameOfRegion(String(worst.region))}: ` : ''
  const { id, regions } = deployment
  return (
    <li class={`now-row now-${tone}`}>
      <div class="now-name">
        <span class={`badge ${tone}`}>{word}</span> <span class="now-id">{id}</span>
        {namesRegion && regions.length === 1 && (
          <span class="now-region muted"> {nameOfRegion(regions[0]?.region)}</span>
        )}
        {why !== '' && (
          <p class="now-why">
            {where}
            {why}
          </p>
        )}
      </div>
      <div class="now-hour">
        <span aria-hidden="true">Last hour</span>
        <Strip hour={deployment.last_hour} />
      </div>
      <dl class="now-numbers">
        <Numbers health={{ ...worst, in_flight: deployment.in_flight }} />
      </dl>
      {regions.length > 1 && <Regions deployment={deployment} now={now} />}
    </li>
  )
}

function Numbers({ health }: { health: Health }) {
  const { success_rate: rate, tokens_per_second: speed, in_flight: inFlight } = health
  const entries = [
    ['Success', percent(rate)],
    ['TTFT p50 / p95', times(health)],
    ['Tokens/s', count(speed)],
    // Who may not know it sees a note below the list.
    ...(inFlight === null ? [] : [['In flight', count(inFlight)] as const]),
  ] as const
  return (
    <>
      {entries.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </>
  )
}

function Regions({ deployment: { regions, id }, now }: { deployment: Deployment; now: number }) {
  return (
    <details class="now-regions">
      <summary>
        {regions.map((region) => `${nameOfRegion(region.region)}: ${stateOf(region).word.toLowerCase()}`).join(' · ')}
      </summary>
      <ul aria-label={`${id} by region`}>
        {regions.map((region) => (
          <li key={region.region}>
            <span class={`badge ${stateOf(region).tone}`}>{stateOf(region).word}</span> {nameOfRegion(region.region)}
            <span class="muted"> {whyOf(region, now)}</span>
            <dl class="now-numbers">
              <Numbers health={region} />
            </dl>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** Providers that are connected, and of which nothing is known. */
function Unasked({ list }: { list: ProviderList }) {
  const names = list.data.filter(({ deployments }) => deployments.length === 0).map(({ id }) => id)
  if (names.length === 0 || list.data.length === names.length) return null
  return <p class="muted">Connected and not asked lately: {names.join(', ')}.</p>
}
