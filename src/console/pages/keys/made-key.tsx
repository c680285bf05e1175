import { useEffect, useRef } from 'preact/hooks'
import { signIn } from '../../api/session.ts'
import { CopyButton } from '../../parts/copy-button.tsx'

export interface MadeKey {
  readonly name: string
  readonly key: string
  readonly isManagement: boolean
}

/** A new key, the only time that anybody sees it. It stays until the reader puts it away: no dialog closes over it. */
export function MadeKeyPanel({ made, done }: { made: MadeKey; done: () => void }) {
  const element = useRef<HTMLElement>(null)
  useEffect(() => element.current?.focus(), [made])
  const { name, key, isManagement } = made
  const use = () => signIn(isManagement ? { managementKey: key } : { key })
  return (
    <section ref={element} class="card keys-made" tabIndex={-1} aria-labelledby="keys-made">
      <h2 id="keys-made">
        The key of “<bdi>{name}</bdi>”
      </h2>
      <p>It is shown this once. Router9 keeps only its hash, so copy it now.</p>
      <div class="keys-secret">
        <code>{key}</code>
        <CopyButton text={key} label="Copy key" />
      </div>
      <div class="keys-buttons">
        {isManagement ? (
          <button type="button" class="button" onClick={use}>
            Sign in with it
          </button>
        ) : (
          <a class="button" href="/console/play" onClick={use}>
            Use it in the Playground
          </a>
        )}
        <button type="button" class="button" onClick={done}>
          I have it
        </button>
      </div>
    </section>
  )
}
