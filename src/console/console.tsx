import { type ComponentType, render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isSignedIn, session, signInFromAddress } from './api/session.ts'
import { Layout } from './parts/layout.tsx'
import { SignedIn, SignIn } from './parts/sign-in.tsx'
import { Failed } from './parts/states.tsx'

/** Each page of the console: its title, and where it is loaded from when it is asked for. */
const PAGES: Readonly<Record<string, { title: string; load: () => Promise<{ Page: ComponentType }> }>> = {
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
    <Layout path={`/console/${name}`} aside={<SignedIn />}>
      {error && <Failed error={error} retry={() => location.reload()} />}
      {Page && <Page />}
      {name === '' && <Home />}
      {name !== '' && PAGES[name] === undefined && <NotFound />}
    </Layout>
  )
}

/** Where the console begins: it asks who is there, and leads them to what their key is for. */
function Home() {
  const { key } = session.value
  useEffect(() => {
    if (isSignedIn.value) location.replace(key === undefined ? '/console/keys' : '/console/play')
  }, [isSignedIn.value])
  return isSignedIn.value ? null : (
    <SignIn wanted="A key of Router9 opens the console: one for models, or one that manages keys." />
  )
}

function NotFound() {
  return (
    <div class="empty">
      <h1>There is no such page</h1>
      <p>
        Nothing is at <code>{location.pathname}</code>. The console <a href="/console">begins here</a>.
      </p>
    </div>
  )
}

signInFromAddress()
const root = document.getElementById('root')
if (root) render(<Console />, root)
