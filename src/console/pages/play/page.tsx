import { useEffect, useRef } from 'preact/hooks'
import { useLoaded } from '../../api/load.ts'
import { ask } from '../../api/request.ts'
import { session } from '../../api/session.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { Failed } from '../../parts/states.tsx'
import { Answer } from './answer.tsx'
import { CodePanel } from './code-panel.tsx'
import { canUndoClear, change, clearDraft, draft, type FormatName, keepDraft, undoClear } from './draft.ts'
import { MessagesEditor } from './messages-editor.tsx'
import { describeModel, type Model, ModelPicker } from './model-picker.tsx'
import { FORMATS } from './requests.ts'
import { isRunning, runs, sendDraft, stopAll } from './run.ts'
import { readSettings, type Settings } from './settings.ts'
import { SettingsEditor } from './settings-editor.tsx'

const MAX_MODELS = 3

export function Page() {
  const { key, managementKey } = session.value
  if (key !== undefined) return <Playground modelsKey={key} />
  return (
    <SignIn
      wanted={
        managementKey === undefined
          ? 'The Playground calls models with your own key.'
          : 'The Playground calls models, and a management key cannot. Add a key for models; you stay signed in with the other one.'
      }
    />
  )
}

function Playground({ modelsKey }: { modelsKey: string }) {
  const models = useLoaded(
    (signal) => ask<{ data: readonly Model[] }>('/v1/models', { key: modelsKey, signal }),
    [modelsKey],
  )
  useEffect(keepDraft, [])
  useEffect(() => {
    addEventListener('keydown', onKeyDown)
    // A browser that keeps the page for the way back would read on.
    addEventListener('pagehide', stopAll)
    return () => {
      removeEventListener('keydown', onKeyDown)
      removeEventListener('pagehide', stopAll)
      // Who leaves the page, or signs out, waits for no answer; and nobody else is shown those of this key.
      stopAll()
      runs.value = []
    }
  }, [])
  const answers = useRef<HTMLElement>(null)
  useEffect(() => {
    // In a small window the answers are below what is written.
    const top = answers.current?.getBoundingClientRect().top ?? 0
    if (runs.value.length > 0 && top > innerHeight * 0.7) answers.current?.scrollIntoView()
  }, [runs.value])
  const settings = readSettings(draft.value)
  const shown = runs.value
  const listed = (models.value?.data ?? []).filter(({ modalities }) => modalities?.output.includes('text') ?? true)
  return (
    <div class="play">
      <form
        class="play-editor"
        onSubmit={(event) => {
          event.preventDefault()
          sendDraft()
        }}
      >
        <h1>Playground</h1>
        {models.error && <Failed error={models.error} retry={models.reload} />}
        <Models listed={listed} />
        <div class="play-fields">
          <label>
            Sent as
            <select
              value={draft.value.format}
              onChange={(event) => change({ format: event.currentTarget.value as FormatName })}
            >
              {Object.entries(FORMATS).map(([name, title]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <label class="play-check">
            <input
              type="checkbox"
              checked={draft.value.stream}
              onChange={(event) => change({ stream: event.currentTarget.checked })}
            />{' '}
            Stream
          </label>
        </div>
        <MessagesEditor />
        <SettingsEditor settings={settings} />
        <CodePanel settings={settings} />
        <SendBar settings={settings} />
      </form>
      <section ref={answers} class="play-answers" aria-label="Answers">
        {shown.length === 0 && (
          <div class="empty">
            <p class="empty-title">Nothing has been asked yet</p>
            <p>The answer comes here, with the plan beside it: who was asked and why, times, tokens and dollars.</p>
          </div>
        )}
        <div class={shown.length > 1 ? 'play-columns play-columns-many' : 'play-columns'}>
          {shown.map((run, at) => (
            <Answer key={`${at} ${run.model}`} run={run} isOnly={shown.length === 1} />
          ))}
        </div>
      </section>
    </div>
  )
}

/** One model, or up to three that answer the same request side by side. */
function Models({ listed }: { listed: readonly Model[] }) {
  const { models } = draft.value
  const put = (at: number, model: string) =>
    change({ models: models.map((one, index) => (index === at ? model : one)) })
  return (
    <section aria-label="Models">
      {models.map((name, at) => {
        const known = listed.find(({ id }) => id === name)
        const slash = name.indexOf('/')
        const [provider, rest] = [name.slice(0, slash), name.slice(slash + 1)]
        const isAtOne = listed.some(({ id, providers }) => id === rest && providers.includes(provider))
        return (
          <div key={at} class="play-model">
            <ModelPicker
              label={models.length === 1 ? 'Model' : `Model ${at + 1}`}
              value={name}
              models={listed}
              picked={(model) => put(at, model)}
            />
            {models.length > 1 && (
              <button
                type="button"
                class="button small"
                aria-label={`Remove model ${at + 1}`}
                onClick={() => {
                  change({ models: models.filter((_, index) => index !== at) })
                  requestAnimationFrame(() => document.getElementById('play-compare')?.focus())
                }}
              >
                Remove
              </button>
            )}
            <p class="muted play-model-note">
              {known
                ? describeModel(known)
                : isAtOne
                  ? `${rest}, only at ${provider}`
                  : listed.length > 0 &&
                    'Not in the list: another name for one that is, or no model. The answer will tell.'}
            </p>
          </div>
        )
      })}
      {models.length < MAX_MODELS && (
        <button
          type="button"
          id="play-compare"
          class="button small"
          onClick={() => change({ models: [...models, models.at(-1) ?? 'auto'] })}
        >
          Compare with another model
        </button>
      )}
    </section>
  )
}

/** Of fields whose fault does not name them. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  tools: 'Tools: ',
  schema: 'JSON schema: ',
  extra: 'Other fields: ',
}

function SendBar({ settings }: { settings: Settings }) {
  const faults = Object.entries(settings.faults).map(([field, fault]) => (FIELD_NAMES[field] ?? '') + fault)
  // One element is both: it changes within the click, which would then send, and a double click would undo what it did.
  function stop(event: MouseEvent): void {
    event.preventDefault()
    if (event.detail <= 1) stopAll()
  }
  const sendOnce = (event: MouseEvent) => event.detail > 1 && event.preventDefault()
  return (
    <div class="play-send">
      {runs.value.some(isRunning) ? (
        <button type="button" class="button danger" onClick={stop}>
          {runs.value.length > 1 ? 'Stop all' : 'Stop'}
        </button>
      ) : (
        <button type="submit" class="button primary" disabled={faults.length > 0} onClick={sendOnce}>
          Send
        </button>
      )}
      <button type="button" class="button" onClick={canUndoClear.value ? undoClear : clearDraft}>
        {canUndoClear.value ? 'Undo clear' : 'Clear'}
      </button>
      <span class={settings.faults.messages || faults.length === 0 ? 'muted' : 'bad'}>
        {faults[0] ?? 'Ctrl + Enter'}
      </span>
    </div>
  )
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
  event.preventDefault()
  sendDraft()
}
