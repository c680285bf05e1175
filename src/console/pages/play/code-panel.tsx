import { useState } from 'preact/hooks'
import { session } from '../../api/session.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { KEY_PLACEHOLDER } from '../../parts/curl.ts'
import { Folded, Scrolling } from '../../parts/scrolling.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { draft } from './draft.ts'
import { writeRequest } from './requests.ts'
import type { Settings } from './settings.ts'
import { SNIPPETS, type SnippetName, writeSnippet } from './snippets.ts'

const TABS = ['Request', ...SNIPPETS].map((name) => ({ id: name, name }))

/** The present request: as it goes out, and as code. What is copied has all of an image, what is shown its beginning. */
export function CodePanel({ settings }: { settings: Settings }) {
  return <Folded title="As JSON and as code">{() => <Code settings={settings} />}</Folded>
}

function Code({ settings }: { settings: Settings }) {
  const [tab, setTab] = useState('Request')
  const [showsKey, setShowsKey] = useState(false)
  const model = draft.value.models[0] ?? 'auto'
  const key = (showsKey && session.value.key) || KEY_PLACEHOLDER
  const request = writeRequest(draft.value, settings, model)
  const written = { request, draft: draft.value, model, address: location.origin, key }
  const text = tab === 'Request' ? requestText(request, key) : writeSnippet(tab as SnippetName, written)
  return (
    <Tabs label="The request as" tabs={TABS} chosen={tab} choose={setTab}>
      <div class="play-buttons">
        <CopyButton text={text} />
        <label class="play-check">
          <input type="checkbox" checked={showsKey} onChange={(event) => setShowsKey(event.currentTarget.checked)} />{' '}
          with my key
        </label>
      </div>
      <Scrolling label={`The request: ${tab}`}>
        <pre>{withoutImages(text)}</pre>
      </Scrolling>
    </Tabs>
  )
}

/** A request as it goes over the wire. */
export function requestText({ path, header, body }: ReturnType<typeof writeRequest>, key = KEY_PLACEHOLDER): string {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...header }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return `POST ${path}\n${lines.join('\n')}\n\n${JSON.stringify(body, null, 2)}`
}

export function withoutImages(text: string): string {
  return text.replace(/[A-Za-z0-9+/=]{2000,}/g, (data) => `${data.slice(0, 40)}… (${data.length} characters)`)
}
