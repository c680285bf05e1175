import { type Fields, goTo, withFields } from '../../api/address.ts'
import { useNames } from '../../api/names.ts'

const STATUSES: readonly (readonly [string, string])[] = [
  ['', 'any'],
  ['failed', 'failures'],
  ['2xx', '2xx: answered'],
  ['4xx', '4xx: refused, or left'],
  ['5xx', '5xx: failed'],
  ['429', '429: over a limit'],
  ['499', '499: client left'],
  ['502', '502: provider failed'],
  ['503', '503: unavailable'],
  ['504', '504: timeout'],
]

/** What the list is narrowed to. It stands in the address. */
export function Filters({ fields, isManager }: { fields: Fields; isManager: boolean }) {
  const { keys } = useNames()
  const { status = '', model = '', key = '' } = fields
  const set = (name: string) => (event: Event) => {
    const { value } = event.currentTarget as HTMLInputElement | HTMLSelectElement
    goTo(withFields({ [name]: value.trim(), before: undefined }))
  }
  const statuses = STATUSES.some(([value]) => value === status) ? STATUSES : [...STATUSES, [status, status] as const]
  return (
    <div class="row calls-filters">
      <label>
        Status
        <select value={status} onChange={set('status')}>
          {statuses.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Model
        <input value={model} onChange={set('model')} placeholder="any" spellcheck={false} />
      </label>
      {isManager && (
        <label>
          Key
          <select value={key} onChange={set('key')}>
            <option value="">the 50 used last</option>
            {key !== '' && !keys.has(key) && <option value={key}>{key}</option>}
            {[...keys].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {(status || model || key) && (
        <button
          type="button"
          class="button"
          onClick={() => goTo({ ...fields, status: '', model: '', key: '', before: '' })}
        >
          Clear
        </button>
      )}
    </div>
  )
}
