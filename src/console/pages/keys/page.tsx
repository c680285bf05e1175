import { address } from '../../api/address.ts'
import { isSignedIn, session, viewingKey } from '../../api/session.ts'
import { PageLink } from '../../parts/page-link.tsx'
import { SignIn } from '../../parts/sign-in.tsx'
import { OwnKey } from './own-key.tsx'
import { RecordList } from './record-list.tsx'

/** Who may call: all keys and teams for a management key, and for another key itself. */
export function Page() {
  if (!isSignedIn.value) {
    return (
      <SignIn wanted="To make and change keys: a management key. A key for models sees its own limits, and what is left." />
    )
  }
  if (session.value.managementKey === undefined) return <OwnKey />
  const fields = Object.fromEntries(address.value)
  const kind = fields.show === 'teams' ? 'teams' : 'keys'
  return (
    <>
      <nav class="keys-tabs" aria-label="Keys or teams">
        <PageLink fields={{}} current={kind === 'keys'}>
          Keys
        </PageLink>
        <PageLink fields={{ show: 'teams' }} current={kind === 'teams'}>
          Teams
        </PageLink>
      </nav>
      <RecordList key={JSON.stringify([viewingKey.value, fields])} kind={kind} fields={fields} />
    </>
  )
}
