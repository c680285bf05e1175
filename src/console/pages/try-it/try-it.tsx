import { render } from 'preact'
import { useState } from 'preact/hooks'
import { useLoaded } from '../../api/load.ts'
import { ask } from '../../api/request.ts'
import { session } from '../../api/session.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { curlCommand, KEY_PLACEHOLDER } from '../../parts/curl.ts'
import { Folded, Scrolling } from '../../parts/scrolling.tsx'
import { KeyForm } from '../../parts/sign-in.tsx'
import { Shown } from '../../parts/states.tsx'
import { type OpenApi, type Operation, operationsOf, type Role } from './operations.ts'
import { RequestForm } from './request-form.tsx'
import { ResponseView } from './response-view.tsx'
import {
  bodyFault,
  createTrial,
  fieldFault,
  isStreaming,
  requestOf,
  resetTrial,
  send,
  setStreaming,
  type Trial,
} from './trial.ts'

/** Shows the forms of a page's operations. @param page its path */
export function showTryIt(place: Element, page: string): void {
  render(<TryIt page={page} />, place)
}

function TryIt({ page }: { page: string }) {
  const loaded = useLoaded(
    async (signal) => operationsOf(await ask<OpenApi>('/openapi.json', { signal, key: '' }), page).map(createTrial),
    [page],
  )
  return <Shown loaded={loaded}>{(trials) => <Trials trials={trials} />}</Shown>
}

function Trials({ trials }: { trials: readonly Trial[] }) {
  const [at, setAt] = useState(0)
  const trial = trials[at]
  if (trial === undefined) return <p class="muted">Nothing of this page is in the list of operations.</p>
  return (
    <>
      {trials.length > 1 && (
        <label class="try-operation">
          Operation
          <select value={at} onChange={(event) => setAt(Number(event.currentTarget.value))}>
            {trials.map(({ operation: { method, path, summary } }, index) => (
              <option key={`${method} ${path}`} value={index}>
                {method} {path}: {summary}
              </option>
            ))}
          </select>
        </label>
      )}
      <TrialView key={at} trial={trial} isOnly={trials.length === 1} />
    </>
  )
}

function TrialView({ trial, isOnly }: { trial: Trial; isOnly: boolean }) {
  const { operation, exchange } = trial
  const [wanted, setWanted] = useState<Role>()
  const has = operation.roles.filter((role) => session.value[role] !== undefined)
  const role = has.find((one) => one === wanted) ?? has[0]
  const key = role === undefined ? '' : (session.value[role] ?? '')
  return (
    <>
      {isOnly && <p class="try-summary">{operation.summary}</p>}
      <KeyChoice operation={operation} has={has} role={role} choose={setWanted} />
      <RequestPart trial={trial} keyToUse={key} />
      <Folded title="As curl">{() => <Curl trial={trial} keyToUse={key} />}</Folded>
      {exchange.value && <ResponseView exchange={exchange.value} />}
    </>
  )
}

const ROLES: Readonly<Record<Role, string>> = {
  managementKey: 'management key',
  key: 'key for models',
}

/** Which of the tab's keys goes with the request, or a field for one. */
function KeyChoice(props: {
  operation: Operation
  has: readonly Role[]
  role: Role | undefined
  choose: (role: Role) => void
}) {
  const { operation, has, role, choose } = props
  const [isOther, setOther] = useState(false)
  if (operation.roles.length === 0) return <p class="try-key muted">It needs no key.</p>
  if (role === undefined || isOther) {
    const wanted = operation.roles.map((one) => ROLES[one]).join(' or a ')
    return (
      <div class="try-key">
        <KeyForm
          label={`It needs a ${wanted}; the key stays in this tab`}
          action="Use this key"
          only={operation.roles.length === 1 ? operation.roles[0] : undefined}
          done={() => setOther(false)}
        />
      </div>
    )
  }
  const nameOf = (one: Role) => `${ROLES[one]} ${short(session.value[one] ?? '')}`
  return (
    <div class="try-key try-bar">
      {has.length === 1 ? (
        <span class="muted">With this tab’s {nameOf(role)}</span>
      ) : (
        <select aria-label="Key" value={role} onChange={(event) => choose(event.currentTarget.value as Role)}>
          {has.map((one) => (
            <option key={one} value={one}>
              With this tab’s {nameOf(one)}
            </option>
          ))}
        </select>
      )}
      <button type="button" class="button small" onClick={() => setOther(true)}>
        Another key
      </button>
    </div>
  )
}

/** Enough to tell it from others. */
function short(key: string): string {
  return `${key.slice(0, 7)}…${key.slice(-4)}`
}

/** What changes something is told once more before it is sent. Without a key it is sent too: the answer says what is missing. */
function RequestPart({ trial, keyToUse }: { trial: Trial; keyToUse: string }) {
  const { operation, exchange } = trial
  const { method, path, text } = requestOf(trial)
  const [asked, setAsked] = useState<string>()
  // Whatever is changed afterwards is asked about again.
  const what = `${path} ${text}`
  const canSend = !fieldFault(trial) && !bodyFault(trial) && !exchange.value?.isRunning.value
  function submit(): void {
    if (!canSend) return
    if (operation.isChange) setAsked(what)
    else send(trial, keyToUse)
  }
  function confirm(): void {
    setAsked(undefined)
    send(trial, keyToUse)
  }
  return (
    <form
      class="try-form"
      aria-label={`${method} ${operation.path}`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit()
      }}
    >
      <RequestForm trial={trial} />
      {asked === what ? (
        <div class="notice try-bar" role="alert">
          <p>
            This changes {location.host} at once: <code>{method}</code> <code>{path}</code>
          </p>
          <button type="button" class="button danger" ref={focus} onClick={confirm}>
            Yes, send it
          </button>
          <button type="button" class="button" onClick={() => setAsked(undefined)}>
            Cancel
          </button>
        </div>
      ) : (
        <SendBar trial={trial} canSend={canSend} />
      )}
    </form>
  )
}

const focus = (element: HTMLElement | null) => element?.focus()

/** Send and Stop are elements of their own, and take no second click: one becomes the other under it. */
function SendBar({ trial, canSend }: { trial: Trial; canSend: boolean }) {
  const exchange = trial.exchange.value
  const fault = fieldFault(trial)
  return (
    <div class="try-bar">
      {exchange?.isRunning.value ? (
        <button key="stop" type="button" class="button danger" onClick={({ detail }) => detail <= 1 && exchange.stop()}>
          Stop
        </button>
      ) : (
        <button
          key="send"
          type="submit"
          class="button primary"
          disabled={!canSend}
          onClick={(event) => event.detail > 1 && event.preventDefault()}
        >
          Send
        </button>
      )}
      <button type="button" class="button" onClick={() => resetTrial(trial)}>
        Reset
      </button>
      {trial.operation.mayStream && <StreamSwitch trial={trial} />}
      <span class={fault ? 'bad' : 'muted'}>{fault ?? (trial.operation.body && 'Ctrl + Enter')}</span>
    </div>
  )
}

function StreamSwitch({ trial }: { trial: Trial }) {
  const streams = isStreaming(trial)
  return (
    <label class="try-check">
      <input
        type="checkbox"
        checked={streams === true}
        disabled={streams === undefined}
        onChange={(event) => setStreaming(trial, event.currentTarget.checked)}
      />{' '}
      Stream
    </label>
  )
}

function Curl({ trial, keyToUse }: { trial: Trial; keyToUse: string }) {
  const [showsKey, setShowsKey] = useState(false)
  const { method, path, header, text } = requestOf(trial)
  const key = (showsKey && keyToUse) || KEY_PLACEHOLDER
  const headers = {
    ...(trial.operation.roles.length > 0 && { Authorization: `Bearer ${key}` }),
    ...(text !== undefined && { 'Content-Type': 'application/json' }),
    ...header,
  }
  const command = curlCommand({ method, url: location.origin + path, headers, body: text, streams: isStreaming(trial) })
  return (
    <>
      <div class="try-bar">
        <CopyButton text={command} />
        {keyToUse !== '' && (
          <label class="try-check">
            <input type="checkbox" checked={showsKey} onChange={(event) => setShowsKey(event.currentTarget.checked)} />{' '}
            with my key
          </label>
        )}
      </div>
      <Scrolling label="The request as curl">
        <pre>{command}</pre>
      </Scrolling>
    </>
  )
}
