import { Folded, Scrolling } from '../../parts/scrolling.tsx'
import type { TextLog } from '../../parts/text-log.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { requestText, withoutImages } from './code-panel.tsx'
import { change, draft, newMessage } from './draft.ts'
import { focusMessage } from './messages-editor.tsx'
import { PlanView } from './plan-view.tsx'
import { answerOf, headerOf, isRunning, type Part, type Run, type RunState } from './run.ts'

const STATES: Readonly<Record<RunState, readonly [text: string, badge: string]>> = {
  waiting: ['waiting for the first token', ''],
  streaming: ['answering', ''],
  done: ['complete', 'good'],
  stopped: ['stopped by you: not complete', 'warn'],
  failed: ['failed', 'bad'],
  broken: ['broken off: not complete', 'bad'],
}

/** One answer, as it comes, with the plan beside it. */
export function Answer({ run, isOnly }: { run: Run; isOnly: boolean }) {
  const [text, badge] = STATES[run.state.value]
  const answeredBy = headerOf(run, 'x-router9-model')
  return (
    <article class={isOnly ? 'play-answer play-answer-wide' : 'play-answer'} aria-label={`Answer of ${run.model}`}>
      <header class="play-answer-head">
        <h2>
          {run.model}
          {answeredBy && answeredBy !== run.model && <span class="muted"> → {answeredBy}</span>}
        </h2>
        <span class={`badge ${badge}`} role="status">
          {text}
        </span>
        {isRunning(run) && (
          <button type="button" class="button small danger" aria-label={`Stop ${run.model}`} onClick={run.stop}>
            Stop
          </button>
        )}
      </header>
      <div class="play-answer-said">
        {run.parts.value.map((part) => (
          <PartView key={part.id} part={part} isDone={!isRunning(run)} />
        ))}
        {run.parts.value.length === 0 && run.state.value === 'done' && <p class="muted">The answer is empty.</p>}
        {run.citations.value.length > 0 && (
          <ol class="play-citations" aria-label="Sources">
            {run.citations.value.map(({ url, title }, at) => (
              <li key={at}>
                {/^https?:/.test(url) ? (
                  <a href={url} target="_blank" rel="noreferrer">
                    {title}
                  </a>
                ) : (
                  title
                )}
              </li>
            ))}
          </ol>
        )}
        {run.isCut.value && (
          <p class="notice">
            More came than is shown here: 500 parts and 100 sources at most. “Exact response” has the others too.
          </p>
        )}
        {run.error.value && (
          <Trouble
            error={run.error.value}
            retryAfter={headerOf(run, 'retry-after')}
            isBroken={run.state.value === 'broken'}
            namesModel
          />
        )}
        <AnswerEnd run={run} />
      </div>
      <aside class="play-answer-plan" aria-label={`How ${run.model} was answered`}>
        <PlanView run={run} />
        <Wire run={run} />
      </aside>
    </article>
  )
}

function PartView({ part, isDone }: { part: Part; isDone: boolean }) {
  const { kind, log, name } = part
  if (kind === 'reasoning') {
    return (
      <details class="play-reasoning">
        <summary>Reasoning</summary>
        <Growing log={log} label="Reasoning" />
      </details>
    )
  }
  if (kind === 'call') {
    return (
      <div class="play-call">
        <p>
          Calls <code>{name ?? 'a tool'}</code>
          {isDone && !isJson(log.text()) && <span class="badge bad">its arguments are not JSON</span>}
        </p>
        <Growing log={log} label={`Arguments of ${name}`} isCode />
      </div>
    )
  }
  return (
    <div class={kind === 'refusal' ? 'play-refusal' : undefined}>
      {kind === 'refusal' && <p class="bad">Refused:</p>}
      <Growing log={log} label={kind === 'refusal' ? 'Refusal' : 'Answer'} />
    </div>
  )
}

/** Text that comes in pieces: they go into the element by themselves, and nothing is drawn anew. */
function Growing({ log, label, isCode = false }: { log: TextLog; label: string; isCode?: boolean }) {
  return <section class={isCode ? 'play-grow play-code' : 'play-grow'} aria-label={label} ref={log.attach} />
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text || '{}')
    return true
  } catch {
    return false
  }
}

/** How it ended, and going on from there. */
function AnswerEnd({ run }: { run: Run }) {
  if (isRunning(run)) return null
  const canContinue = run.parts.value.some(({ kind }) => kind === 'text' || kind === 'call')
  function goOn(): void {
    const { text, calls } = answerOf(run)
    const { messages } = draft.peek()
    const said = newMessage('assistant', { text, ...(calls.length > 0 && { calls }) })
    change({ messages: [...messages, said] })
    for (const call of calls) change({ messages: [...draft.peek().messages, newMessage('tool', { call })] })
    if (calls.length === 0) change({ messages: [...draft.peek().messages, newMessage('user')] })
    // What is to be written next: the result of the first call, or the next question.
    focusMessage(draft.peek().messages[messages.length + 1]?.id)
  }
  return (
    <div class="play-buttons">
      {run.finish.value && (
        <span class="muted">
          finish: <code>{run.finish.value}</code>
        </span>
      )}
      {canContinue && (
        <button type="button" class="button small" onClick={goOn}>
          Continue from here
        </button>
      )}
    </div>
  )
}

/** The request and the response as they went over the wire. */
function Wire({ run }: { run: Run }) {
  const { status, headers, raw, request } = run
  const id = headerOf(run, 'x-request-id')
  const suffix = status.value === undefined ? '' : ` (status ${status.value})`
  return (
    <>
      <Folded title={`Response headers (${headers.value.length})`}>
        {() => (
          <Scrolling label="Response headers">
            <pre>{headers.value.map(([name, value]) => `${name}: ${value}`).join('\n') || 'None came.'}</pre>
          </Scrolling>
        )}
      </Folded>
      <Folded title="Exact request">
        {() => (
          <Scrolling label="Exact request">
            <pre>{withoutImages(requestText(request))}</pre>
          </Scrolling>
        )}
      </Folded>
      <Folded title={`Exact response${suffix}`}>
        {() => (
          <Scrolling label="Exact response">
            <pre ref={raw.attach} />
          </Scrolling>
        )}
      </Folded>
      {id !== undefined && !isRunning(run) && (
        <p class="play-json">
          <a href={`/console/calls?id=${encodeURIComponent(id)}`}>See this call in Calls</a>
        </p>
      )}
    </>
  )
}
