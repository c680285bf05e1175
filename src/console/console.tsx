import { type ComponentType, render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { signInFromAddress } from './api/session.ts'
import { Layout } from './parts/layout.tsx'
import { SignedIn } from './parts/sign-in.tsx'
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
    if (page === undefined) return
    document.title = `${page.title} · Router9`
    page.load().then((loaded) => setPage(() => loaded.Page), setError)
  }, [name])
  return (
    <Layout path={`/console/${name}`} aside={<SignedIn />}>
      {error && <Failed error={error} retry={() => location.reload()} />}
      {Page && <Page />}
    </Layout>
  )
}

signInFromAddress()
const root = document.getElementById('root')
if (root) render(<Console />, root)
