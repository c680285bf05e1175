import { useEffect, useRef, useState } from 'preact/hooks'
import { useLoaded } from '../../api/load.ts'
import { ApiError, ask } from '../../api/request.ts'
import { isSignedIn, session, viewingKey } from '../../api/session.ts'
import {
  type Deployment,
  type Health,
  inOrder,
  isIll,
  type ProviderList,
  REGION_NAMES,
  stateOf,
  times,
  whyOf,
  worstOf,
} from '../../parts/deployment-health.ts'
import { count, duration, percent } from '../../parts/format.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
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
  const { value, error, at } = loaded
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
  const silent = value.regions.filter(({ answered }) => !answered).map(({ region }) => REGION_NAMES[region] ?? region)
  return (
    <>
      <div class="now-head">
        <h1>Now</h1>
        <p class={isOld ? 'now-age bad' : 'now-age muted'}>
          {isOld ? `${error?.message ?? 'Router9 does not answer.'} This is ${duration(ageMs)} old.` : 'Live'}
        </p>
      </div>
      <Summary deployments={deployments} />
      <div class="now-bar muted">
        {isStale ? (
          <button type="button" class="button small" onClick={sort}>
            Sort again: ill ones have changed
          </button>
        ) : (
          `${silent.length === 0 ? 'All regions answer.' : `No answer from ${silent.join(', ')}.`}`
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
            <Row key={deployment.id} deployment={deployment} now={Date.parse(value.at) + ageMs} />
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
  return (
    <p class="now-summary bad" role="status">
      <strong>
        {ill.length} of {deployments.length} not well:
      </strong>{' '}
      {names.map((one) => `${one.id} (${stateOf(worstOf(one)).word.toLowerCase()})`).join(', ')}
    </p>
  )
}

function Row({ deployment, now }: { deployment: Deployment; now: number }) {
  const worst = worstOf(deployment)
  const { word, tone } = stateOf(worst)
  const why = whyOf(worst, now)
  const { id, regions } = deployment
  return (
    <li class={`now-row now-${tone}`}>
      <div class="now-name">
        <span class={`badge ${tone}`}>{word}</span> <span class="now-id">{id}</span>
        {regions.length === 1 && <span class="now-region muted"> {REGION_NAMES[regions[0]?.region ?? '']}</span>}
        {why !== '' && <p class="now-why">{why}</p>}
      </div>
      <Strip hour={deployment.last_hour} />
      <dl class="now-numbers">
        <Numbers health={deployment} />
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
    ['In flight', count(inFlight)],
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
        {regions.map((region) => `${REGION_NAMES[region.region]}: ${stateOf(region).word.toLowerCase()}`).join(' · ')}
      </summary>
      <ul aria-label={`${id} by region`}>
        {regions.map((region) => (
          <li key={region.region}>
            <span class={`badge ${stateOf(region).tone}`}>{stateOf(region).word}</span> {REGION_NAMES[region.region]}
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
