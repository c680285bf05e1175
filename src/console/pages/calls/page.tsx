import { address, goTo, withFields } from '../../api/address.ts'
import { isSignedIn, session, viewingKey } from '../../api/session.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { idIn } from './call.ts'
import { CallList } from './call-list.tsx'
import { CallView } from './call-view.tsx'
import { Filters } from './filters.tsx'

/** Single calls: all of them, or the one that the address names. */
export function Page() {
  if (!isSignedIn.value) {
    return <SignIn wanted="To see calls: a key for models shows its own, a management key those of all keys." />
  }
  const fields = Object.fromEntries(address.value)
  // A different list is a list of its own: nothing of the one before stays in it.
  const list = JSON.stringify([viewingKey.value, fields])
  return (
    <>
      <div class="calls-head">
        <h1>{fields.id ? 'One call' : 'Calls'}</h1>
        <FindCall key={fields.id} id={fields.id ?? ''} />
      </div>
      {fields.id ? (
        <CallView key={list} id={fields.id} ofKey={fields.key} />
      ) : (
        <>
          <Filters fields={fields} isManager={session.value.managementKey !== undefined} />
          <CallList key={list} fields={fields} />
        </>
      )}
    </>
  )
}

function FindCall({ id }: { id: string }) {
  function find(event: SubmitEvent): void {
    event.preventDefault()
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get('id') ?? '')
    if (text.trim() !== '') goTo(withFields({ id: idIn(text), before: undefined }))
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: the element of that name is too new for some browsers.
    <form class="calls-find" role="search" onSubmit={find}>
      <input
        name="id"
        defaultValue={id}
        aria-label="Id of a request or of an answer"
        placeholder="Paste a request id: req_… chatcmpl-… resp_… msg_…"
        spellcheck={false}
        autocomplete="off"
      />
      <button type="submit" class="button">
        Find
      </button>
    </form>
  )
}
