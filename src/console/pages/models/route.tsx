import { useId, useState } from 'preact/hooks'
import { useLoaded } from '../../api/load.ts'
import { ask } from '../../api/request.ts'
import { session } from '../../api/session.ts'
import { reasonWord, stateOf } from '../../parts/deployment-health.ts'
import { count, milliseconds, percent } from '../../parts/format.ts'
import { Empty, Shown } from '../../parts/states.tsx'
import type { Model, States } from './model.ts'

interface Candidate {
  readonly id: string
  readonly model: string
  readonly provider: string
  readonly state: string
  readonly success_rate: number | null
  readonly ttft_ms: { readonly p50: number | null }
  readonly score: number | null
  readonly trial: boolean
}

interface Planned {
  readonly model: string | null
  readonly prompt_tokens_estimate: number
  readonly last_resort: boolean
  readonly plan: readonly Candidate[]
  readonly left_out: readonly { readonly id: string; readonly reason: string }[]
}

/** What a request needs, in the words of the form. */
interface Described {
  readonly model: string
  readonly prompt: string
  readonly needs: readonly string[]
  readonly sort: string
}

const NEEDS = ['tools', 'JSON schema', 'picture', 'reasoning'] as const
const SORTS = ['price', 'latency', 'throughput'] as const
const FIRST: Described = { model: 'auto', prompt: 'Hello!', needs: [], sort: '' }
/** The smallest picture there is. */
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

function bodyOf({ model, prompt, needs, sort }: Described): object {
  const picture = { type: 'image_url', image_url: { url: PICTURE } }
  const schema = { type: 'object', properties: {}, required: [], additionalProperties: false }
  return {
    model,
    messages: [
      { role: 'user', content: needs.includes('picture') ? [{ type: 'text', text: prompt }, picture] : prompt },
    ],
    ...(needs.includes('tools') && {
      tools: [{ type: 'function', function: { name: 'example', parameters: schema } }],
    }),
    ...(needs.includes('JSON schema') && {
      response_format: { type: 'json_schema', json_schema: { name: 'example', schema, strict: true } },
    }),
    ...(needs.includes('reasoning') && { reasoning_effort: 'medium' }),
    ...(sort !== '' && { provider: { sort } }),
  }
}

/** Who would be asked now, for a request that is described: first for `auto`, which has an order of its own. */
export function Route({ models, states }: { models: readonly Model[]; states: States | undefined }) {
  const { key } = session.value
  const list = useId()
  const [described, setDescribed] = useState(FIRST)
  const [asked, setAsked] = useState(FIRST)
  if (key === undefined) {
    return (
      <p class="notice">
        <span>
          <a href="/console?add">Add a key for models</a>, and this page shows what it may use, and whom{' '}
          <code>auto</code> would choose.
        </span>
      </p>
    )
  }
  function submit(event: SubmitEvent): void {
    event.preventDefault()
    // Another object each time: the same question may have another answer by now.
    setAsked({ ...described })
  }
  const change = (changes: Partial<Described>) => setDescribed({ ...described, ...changes })
  return (
    <section aria-labelledby="models-route">
      <h2 id="models-route">Who would answer now</h2>
      <form class="row models-route" onSubmit={submit}>
        <label>
          Model
          <input
            required
            list={list}
            spellcheck={false}
            value={described.model}
            onInput={(event) => change({ model: event.currentTarget.value })}
          />
          <datalist id={list}>
            {models.map(({ id }) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </label>
        <label class="models-prompt">
          Prompt
          <input value={described.prompt} onInput={(event) => change({ prompt: event.currentTarget.value })} />
        </label>
        <fieldset class="models-needs">
          <legend>Needs</legend>
          {NEEDS.map((need) => (
            <label key={need}>
              <input
                type="checkbox"
                checked={described.needs.includes(need)}
                onChange={(event) =>
                  change({
                    needs: event.currentTarget.checked
                      ? [...described.needs, need]
                      : described.needs.filter((one) => one !== need),
                  })
                }
              />{' '}
              {need}
            </label>
          ))}
        </fieldset>
        <label>
          Best by
          <select value={described.sort} onChange={(event) => change({ sort: event.currentTarget.value })}>
            <option value="">the usual order</option>
            {SORTS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="button primary">
          Show the plan
        </button>
      </form>
      <Answer modelKey={key} asked={asked} states={states} />
      <p class="muted">
        No provider is asked for this; it counts as one request of the key. The higher the score, the earlier:{' '}
        <a href="/docs/routing">how the order is made</a>.
      </p>
    </section>
  )
}

function Answer({ modelKey, asked, states }: { modelKey: string; asked: Described; states: States | undefined }) {
  const loaded = useLoaded<Planned>(
    (signal) => ask('/v1/route', { method: 'POST', body: bodyOf(asked), key: modelKey, signal }),
    [modelKey, asked],
  )
  return (
    <Shown loaded={loaded}>
      {({ plan, left_out: out, last_resort: isPanic, prompt_tokens_estimate: tokens }) => (
        <>
          {isPanic && <p class="notice bad">All candidates are out: the one that is due back first would be asked.</p>}
          {plan.length === 0 ? (
            <Empty title="Nobody could answer this">
              <p>Why is below. Ask for less, or connect a provider that can do it.</p>
            </Empty>
          ) : (
            <>
              <p>
                <strong>{plan[0]?.model}</strong> at {plan[0]?.provider} would be asked first, with about{' '}
                {count(tokens)} prompt tokens.
              </p>
              <Candidates plan={plan} states={states} />
            </>
          )}
          {out.length > 0 && (
            <details class="models-out">
              <summary>{out.length} left out, and why</summary>
              <ul>
                {out.map(({ id, reason }) => (
                  <li key={`${id} ${reason}`}>
                    <code>{id}</code> {reasonWord(reason)}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </>
      )}
    </Shown>
  )
}

/** So many are worth reading; a request makes three attempts at most. */
const SHOWN_CANDIDATES = 5

function Candidates({ plan, states }: { plan: readonly Candidate[]; states: States | undefined }) {
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? plan : plan.slice(0, SHOWN_CANDIDATES)
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where the window is small. */}
      <section class="table-box" tabIndex={0} aria-label="Candidates in order">
        <table class="models-plan">
          <thead>
            <tr>
              <th scope="col" class="number">
                #
              </th>
              <th scope="col">Deployment</th>
              <th scope="col">Now</th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col" class="number">
                Success
              </th>
              <th scope="col" class="number">
                TTFT p50
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one, at) => {
              // Of one that nobody has asked, the success rate is what is supposed of any.
              const isKnown = states?.has(one.id) !== false
              return (
                <tr key={one.id}>
                  <td class="number">{at + 1}</td>
                  <td class="models-candidate">{one.id}</td>
                  <td>
                    {isKnown ? (
                      <span class={`badge ${stateOf(one).tone}`}>{one.trial ? 'On trial' : stateOf(one).word}</span>
                    ) : (
                      <span class="badge">Not asked lately</span>
                    )}
                  </td>
                  <td class="number">{one.score?.toFixed(3) ?? '–'}</td>
                  <td class="number">{percent(isKnown ? one.success_rate : null)}</td>
                  <td class="number">{milliseconds(one.ttft_ms.p50)}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </section>
      {plan.length > SHOWN_CANDIDATES && (
        <button type="button" class="button small models-more" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show fewer' : `Show all ${plan.length}`}
        </button>
      )}
    </>
  )
}
