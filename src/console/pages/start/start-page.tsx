import { useEffect, useState } from 'preact/hooks'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Layout } from '../../parts/layout.tsx'
import { SignedIn } from '../../parts/sign-in.tsx'

/** What Router9 is and how to call it. The address is known in the browser only, so the page as it is built names none. */
export function StartPage() {
  const [origin, setOrigin] = useState('https://router9.example.com')
  useEffect(() => setOrigin(location.origin), [])
  const address = `${origin}/v1`
  return (
    <Layout path="/" aside={<SignedIn />}>
      <h1>One API for every model</h1>
      <p>
        Change the base URL of the client that you have, and use a Router9 key. <code>auto</code> is the best model that
        is well right now.
      </p>
      <p>
        <code>{address}</code> <CopyButton text={address} />
      </p>
    </Layout>
  )
}
