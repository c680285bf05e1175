import { address, goTo, withFields } from '../../api/address.ts'
import { useLoaded } from '../../api/load.ts'
import { ask } from '../../api/request.ts'
import { isSignedIn, session, viewingKey } from '../../api/session.ts'
import { elsewhereOf, type ProviderList, stateOf } from '../../parts/deployment-health.ts'
import { compact } from '../../parts/format.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { tokenPriceInColumn } from '../../parts/token-price.ts'
import {
  ABILITIES,
  abilitiesOf,
  COLUMNS,
  type Column,
  fits,
  type Model,
  mayUse,
  providersOf,
  type States,
  sorted,
  stateNow,
} from './model.ts'
import { Route } from './route.tsx'

const STATES_EVERY_MS = 5000
/** So many are drawn at once. Who looks for one among hundreds filters. */
const FIRST_ROWS = 50
const MORE_ROWS = 200

/** All models, what they cost and can do, who may use them, and what `auto` would choose. */
export function Page() {
  if (!isSignedIn.value) return <SignIn wanted="To see the models and how they do, any key will do." />
  // What "this key" may use is a question about the one that calls models.
  const key = session.value.key ?? viewingKey.value
  return <Models key={key} asKey={key} />
}

function Models({ asKey }: { asKey: string | undefined }) {
  const models = useLoaded((signal) => loadModels(signal, asKey), [asKey])
  const health = useLoaded((signal) => loadStates(signal, asKey), [asKey], STATES_EVERY_MS)
  return (
    <>
      <h1>Models</h1>
      <Route models={models.value ?? []} states={health.value} />
      <h2>All models</h2>
      <Shown loaded={models}>{(all) => <List all={all} states={health.value ?? new Map()} />}</Shown>
    </>
  )
}

async function loadModels(signal: AbortSignal, key: string | undefined): Promise<readonly Model[]> {
  return (await ask<{ data: readonly Model[] }>('/v1/models?all=true', { signal, key })).data
}

async function loadStates(signal: AbortSignal, key: string | undefined): Promise<States> {
  const { data } = await ask<ProviderList>('/v1/providers?region=all', { signal, key })
  return new Map(data.flatMap(({ deployments }) => deployments.map((one) => [one.id, one] as const)))
}

function List({ all, states }: { all: readonly Model[]; states: States }) {
  // A management key calls no model: what it "may use" is no question.
  const isForModels = session.value.key !== undefined
  const fields = Object.fromEntries(address.value)
  const { text = '', ability = '', provider = '', sort = '', down, usable } = fields
  const filter = { text, ability, provider, onlyUsable: usable !== undefined }
  const shown = sorted(
    all.filter((model) => fits(model, filter)),
    sort,
    down !== undefined,
  )
  const rows = Number(fields.rows) || FIRST_ROWS
  const providers = [...new Set(all.flatMap(providersOf))].sort()
  const set = (changes: Record<string, string | undefined>) => goTo(withFields(changes), true)
  return (
    <>
      <search class="row models-filters">
        <label>
          Find
          <input
            type="search"
            value={text}
            placeholder="Model, maker or provider"
            onInput={(event) => set({ text: event.currentTarget.value })}
          />
        </label>
        <Choice name="Ability" value={ability} values={ABILITIES} choose={(value) => set({ ability: value })} />
        <Choice name="Provider" value={provider} values={providers} choose={(value) => set({ provider: value })} />
        <label class="models-check">
          <input
            type="checkbox"
            checked={usable !== undefined}
            onChange={(event) => set({ usable: event.currentTarget.checked ? 'yes' : undefined })}
          />{' '}
          Only what can answer
        </label>
        <span class="muted" role="status">
          {shown.length} of {all.length}
        </span>
      </search>
      {shown.length === 0 ? (
        <Empty title="No model fits these filters">
          <button
            type="button"
            class="button"
            onClick={() => {
              goTo({}, true)
              document.querySelector<HTMLInputElement>('.models-filters input')?.focus()
            }}
          >
            Show all
          </button>
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where the window is small.
        <section class="table-box" tabIndex={0} aria-label="Models">
          <table class="models-table">
            <thead>
              <tr>
                <Heading name="Model" sort={sort} isDown={down !== undefined} />
                {isForModels && <th scope="col">This key</th>}
                <th scope="col">Connected, and now</th>
                <Heading name="Input" sort={sort} isDown={down !== undefined} />
                <Heading name="Output" sort={sort} isDown={down !== undefined} />
                <Heading name="Window" sort={sort} isDown={down !== undefined} />
                <th scope="col">Abilities</th>
                {isForModels && <th scope="col">Try</th>}
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, rows).map((model) => (
                <Row key={model.id} model={model} states={states} isForModels={isForModels} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {shown.length > rows && (
        <button type="button" class="button small models-more" onClick={() => set({ rows: String(rows + MORE_ROWS) })}>
          Show {Math.min(MORE_ROWS, shown.length - rows)} more of {shown.length - rows}
        </button>
      )}
      {shown.length > 0 && (
        <p class="muted">
          Prices are in US dollars per million tokens, at the first provider that this key can have. How a model does is
          what the region that answers you knows, and where it is worse elsewhere; <a href="/console/health">Now</a>{' '}
          shows more.
        </p>
      )}
    </>
  )
}

function Choice(props: { name: string; value: string; values: readonly string[]; choose: (value: string) => void }) {
  const { name, value, values, choose } = props
  return (
    <label>
      {name}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">Any</option>
        {values.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  )
}

/** Sorts up, down, and not at all. */
function Heading({ name, sort, isDown }: { name: Column; sort: string; isDown: boolean }) {
  const isSorted = sort === name
  function next(): void {
    const changes =
      isSorted && isDown ? { sort: undefined, down: undefined } : { sort: name, down: isSorted ? 'yes' : undefined }
    goTo(withFields(changes), true)
  }
  return (
    <th
      scope="col"
      class={name === COLUMNS[0] ? undefined : 'number'}
      aria-sort={isSorted ? (isDown ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" class="models-sort" onClick={next}>
        {name}
        <span aria-hidden="true">{isSorted ? (isDown ? ' ↓' : ' ↑') : ' ↕'}</span>
      </button>
    </th>
  )
}

function Row({ model, states, isForModels }: { model: Model; states: States; isForModels: boolean }) {
  const { id, owned_by: owner, pricing, context_length: window, dimensions } = model
  const { may, reason } = mayUse(model)
  const canAnswer = model.providers.length > 0
  return (
    <tr>
      <th scope="row" class="models-name">
        {id}
        <span class="muted">{owner}</span>
      </th>
      {isForModels && (
        <td class="models-may">
          <span class={`badge ${may ? 'good' : 'warn'}`}>{may ? 'May use' : 'May not'}</span>
          {!may && <p class="models-why">{reason}</p>}
        </td>
      )}
      <td class="models-now">
        <Connected model={model} states={states} />
      </td>
      <td class="number" data-name="In">
        {tokenPriceInColumn(pricing?.input)}
      </td>
      <td class="number" data-name="Out">
        {tokenPriceInColumn(dimensions === undefined ? pricing?.output : undefined)}
      </td>
      <td class="number" data-name="Window">
        {compact(window)}
      </td>
      <td class="models-abilities">{abilitiesOf(model).join(', ')}</td>
      {isForModels && (
        <td class="models-try">
          {canAnswer && dimensions === undefined && (
            <a href={`/console/play?model=${encodeURIComponent(id)}`} aria-label={`Try it: ${id}`}>
              Try it
            </a>
          )}
        </td>
      )}
    </tr>
  )
}

/** Whether anybody serves the model, and how that goes: apart from whether the key may use it. */
function Connected({ model, states }: { model: Model; states: States }) {
  const { deployments, providers } = model
  if (deployments === undefined)
    return <span class="muted">{providers.length > 3 ? `${providers.length} providers` : providers.join(', ')}</span>
  const state = stateNow(model, states)
  if (state === undefined) {
    const settings = deployments.flatMap(({ setting }) => setting ?? [])
    return (
      <>
        <span class="badge">Not connected</span>
        <p class="models-why">Set {settings.join(' or ')}</p>
      </>
    )
  }
  const { word, tone } = state === '' ? { word: 'Not asked lately', tone: '' } : stateOf({ state })
  return (
    <>
      <span class={`badge ${tone}`}>{word}</span>
      <p class="models-why">
        {deployments
          .filter(({ connected }) => connected)
          .map(({ id, provider }) => {
            const health = states.get(id)
            const here = health && health.state !== 'closed' ? stateOf(health).word.toLowerCase() : ''
            const notes = [here, health && elsewhereOf(health)].filter(Boolean).join(', ')
            return notes === '' ? provider : `${provider} (${notes})`
          })
          .join(', ')}
      </p>
    </>
  )
}
