import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { compact } from '../../parts/format.ts'
import { tokenPrice } from '../../parts/token-price.ts'

/** A model as `GET /v1/models` lists it. */
export interface Model {
  readonly id: string
  readonly context_length: number | null
  readonly modalities?: { readonly input: readonly string[]; readonly output: readonly string[] }
  readonly capabilities: Readonly<Record<string, boolean>> | null
  readonly pricing: { readonly input: number; readonly output: number } | null
  readonly providers: readonly string[]
}

const MAX_SHOWN = 60

/** A field to write a model's name into, with a list that is searched as one writes. Any name may be written. */
export function ModelPicker({
  label,
  value,
  models,
  picked,
}: {
  label: string
  value: string
  models: readonly Model[]
  picked: (model: string) => void
}) {
  const [search, setSearch] = useState<string>()
  const [at, setAt] = useState(-1)
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const isOpen = search !== undefined
  const found = isOpen ? matching(models, search) : []
  const shown = found.slice(0, MAX_SHOWN)
  useEffect(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [at])
  function choose(model: string): void {
    setSearch(undefined)
    setAt(-1)
    if (model.trim() !== '') picked(model.trim())
  }
  function onKeyDown(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      if (isOpen) setAt(Math.min(shown.length - 1, Math.max(-1, at + step)))
      else setSearch('')
    } else if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) {
      // Nor does it send the form, which costs money.
      event.preventDefault()
      if (isOpen) choose(shown[at]?.id ?? search)
    } else if (event.key === 'Escape' && isOpen) {
      event.stopPropagation()
      choose('')
    }
  }
  return (
    <div class="play-picker">
      <label for={id}>{label}</label>
      <input
        id={id}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && at >= 0 ? `${id}-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={search ?? value}
        placeholder={value}
        onFocus={(event) => event.currentTarget.select()}
        onClick={() => setSearch(search ?? '')}
        onInput={(event) => {
          setSearch(event.currentTarget.value)
          setAt(-1)
        }}
        onKeyDown={onKeyDown}
        onBlur={() => choose(search ?? '')}
      />
      <div id={`${id}-list`} ref={list} role="listbox" aria-label={`${label}: choices`} hidden={shown.length === 0}>
        {shown.map((model, index) => (
          <div
            key={model.id}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            // Before the field loses the focus, which would take what is written.
            onMouseDown={(event) => {
              event.preventDefault()
              choose(model.id)
            }}
          >
            <span class="play-picker-name">{model.id}</span>
            <span class="muted">{describeModel(model)}</span>
          </div>
        ))}
        {found.length > MAX_SHOWN && (
          <div role="option" tabIndex={-1} aria-selected={false} aria-disabled class="muted">
            {found.length - MAX_SHOWN} more: write a part of the name
          </div>
        )}
      </div>
    </div>
  )
}

/** Price, window and what it can, in one line. */
export function describeModel({ id, pricing, context_length: window, modalities, capabilities, providers }: Model) {
  if (id === 'auto') return 'the best model that works well right now'
  const price = pricing
    ? pricing.input === 0 && pricing.output === 0
      ? 'free'
      : `${tokenPrice(pricing.input)} in, ${tokenPrice(pricing.output)} out per million`
    : 'no known price'
  const abilities = [
    ...(capabilities?.tools ? ['tools'] : []),
    ...(capabilities?.structured_output ? ['schema'] : []),
    ...(capabilities?.reasoning ? ['reasoning'] : []),
    ...(modalities?.input ?? []).filter((one) => one !== 'text'),
  ]
  return [price, window ? `${compact(window)} tokens` : '', abilities.join(', '), providers.slice(0, 3).join(', ')]
    .filter(Boolean)
    .join(' · ')
}

function matching(models: readonly Model[], search: string): readonly Model[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return models.filter(({ id, providers }) => {
    const name = `${id} ${providers.join(' ')}`.toLowerCase()
    return words.every((word) => name.includes(word))
  })
}
