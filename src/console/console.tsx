import { type ComponentType, render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isSignedIn, session, signInFromAddress } from './api/session.ts'
import { HeadAside } from './parts/head-aside.tsx'
import { Layout } from './parts/layout.tsx'
import { SignIn } from './parts/sign-in.tsx'
import { Failed } from './parts/states.tsx'

/** Each page of the console: its title, and where it is loaded from when it is asked for. */
const PAGES: Readonly<Record<string, { title: string; load: () => Promise<{ Page: ComponentType }> }>> = {
  health: { title: 'Now', load: () => import('./pages/health/page.tsx') },
  play: { title: 'Playground', load: () => import('./pages/play/page.tsx') },
  models: { title: 'Models', load: () => import('./pages/models/page.tsx') },
  calls: { title: 'Calls', load: () => import('./pages/calls/page.tsx') },
  usage: { title: 'Usage', load: () => import('./pages/usage/page.tsx') },
  keys: { title: 'Keys', load: () => import('./pages/keys/page.tsx') },
}

function Console() {
  const name = location.pathname.replace(/^\/console\/?/, '').replace(/\/$/, '')
  const [Page, setPage] = useState<ComponentType>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    const page = PAGES[name]
    document.title = `${page?.title ?? (name === '' ? 'Console' : 'Not found')} · Router9`
    page?.load().then((loaded) => setPage(() => loaded.Page), setError)
  }, [name])
  return (
    <Layout path={`/console/${name}`} aside={<HeadAside />}>
      {error && <Failed error={error} retry={() => location.reload()} />}
      {Page && <Page />}
      {name === '' && <Home />}
      {name !== '' && PAGES[name] === undefined && <NotFound />}
    </Layout>
  )
}

/** Where the console begins: it asks who is there, and leads them to what their key is for. `?add` asks for a second key. */
function Home() {
  const { key, managementKey } = session.value
  const isAdding = location.search === '?add' && (key === undefined || managementKey === undefined)
  const isDone = isSignedIn.value && !isAdding
  useEffect(() => {
    if (isDone) location.replace(key === undefined ? '/console/keys' : '/console/play')
  }, [isDone])
  if (isDone) return null
  if (!isSignedIn.value) return <SignIn wanted={WANTED} />
  if (key === undefined) return <SignIn wanted="Add a key for models." only="key" />
  return <SignIn wanted="Add a key that manages keys." only="managementKey" />
}

const WANTED = 'A key of Router9 opens the console: one for models, or one that manages keys.'

function NotFound() {
  return (
    <div class="empty">
      <h1>There is no such page</h1>
      <p>
        Nothing is at <code>{location.pathname}</code>. The pages of Router9 are above; or begin at the{' '}
        <a href="/">start page</a>, the <a href="/docs">documentation</a> or the <a href="/console">console</a>.
      </p>
    </div>
  )
}

signInFromAddress()
const root = document.getElementById('root')
if (root) render(<Console />, root)
