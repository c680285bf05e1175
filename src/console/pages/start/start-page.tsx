import { useEffect, useState } from 'preact/hooks'
import { session } from '../../api/session.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { HeadAside } from '../../parts/head-aside.tsx'
import { Layout } from '../../parts/layout.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { type Step, snippetsFor } from './snippets.ts'

const PLACEHOLDER_ADDRESS = 'https://router9.example.com'
const PLACEHOLDER_KEY = 'YOUR_ROUTER9_KEY'

/** What Router9 is and how to call it. Address and key are known in the browser only, so the page as it is built has placeholders. */
export function StartPage() {
  const [address, setAddress] = useState(PLACEHOLDER_ADDRESS)
  const [chosen, choose] = useState('curl')
  useEffect(() => setAddress(location.origin), [])
  const isBuilt = address === PLACEHOLDER_ADDRESS
  const key = isBuilt ? undefined : session.value.key
  const isManager = !isBuilt && session.value.managementKey !== undefined
  const snippets = snippetsFor(address, key ?? PLACEHOLDER_KEY)
  const snippet = snippets.find(({ id }) => id === chosen) ?? snippets[0]
  return (
    <Layout path="/" aside={!isBuilt && <HeadAside />}>
      <h1>One API for every model</h1>
      <p class="start-what">
        Router9 speaks the APIs of OpenAI, Anthropic and Gemini in front of many providers. Give the client that you
        have this base URL and a key of Router9. <code>auto</code> is the best model that is well right now; where a
        provider fails before its answer begins, another one answers.
      </p>
      <dl class="start-facts">
        <dt>Base URL</dt>
        <dd>
          <code>{address}/v1</code> <CopyButton text={`${address}/v1`} label="Copy base URL" />
        </dd>
        <dt>Key</dt>
        <dd>
          {key === undefined ? (
            <>
              {isManager ? <a href="/console?add">Add a key for models</a> : <a href="/console">Sign in</a>} to have
              yours in the snippets. <code>npm start</code> prints one.
            </>
          ) : (
            <>
              the key of this tab is in the snippets <CopyButton text={key} label="Copy key" />
            </>
          )}
        </dd>
      </dl>
      <h2>Use it with</h2>
      <Tabs label="Clients" tabs={snippets} chosen={chosen} choose={choose}>
        {snippet && (
          <>
            {snippet.steps.map((step) => (
              <SnippetStep key={step.text} step={step} />
            ))}
            <p>
              <a href={snippet.page}>More about it</a>
            </p>
          </>
        )}
      </Tabs>
      <h2>Next</h2>
      <ul>
        <li>
          <a href="/console/play">Playground</a>: ask a model, and see who was asked and why
        </li>
        <li>
          <a href="/console/models">Models</a>: prices, windows, abilities, and how their providers do
        </li>
        <li>
          <a href="/docs/quick-start">Quick start</a> and <a href="/docs">all documentation</a>
        </li>
      </ul>
    </Layout>
  )
}

function SnippetStep({ step }: { step: Step }) {
  return (
    <>
      <div class="start-place">
        <span class="muted">
          {step.does === 'install' && 'Install it, where it is not there'}
          {step.does === 'run' && 'In a shell'}
          {step.does === 'write' && (
            <>
              In the file <code>{step.file}</code>
            </>
          )}
        </span>{' '}
        <CopyButton text={step.text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section class="start-snippet" tabIndex={0} aria-label={`What to ${step.does}`}>
        <pre>
          <code>{step.text}</code>
        </pre>
      </section>
    </>
  )
}
