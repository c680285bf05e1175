import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Hit } from './search-index.ts'

type Find = (query: string) => readonly Hit[]

/** The search over all documents: a combobox, whose index is loaded when it is first used. @param address the index's */
export function Search({ address }: { address: string }) {
  const [query, setQuery] = useState('')
  const [find, setFind] = useState<Find>()
  const [error, setError] = useState<string>()
  const [at, setAt] = useState(0)
  const [isOpen, setOpen] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const isAsked = useRef(false)
  useSlashKey(input)

  async function load(): Promise<void> {
    if (isAsked.current) return
    isAsked.current = true
    try {
      const { loadSearch } = await import('./search-index.ts')
      const loaded = await loadSearch(address)
      setFind(() => loaded)
      setError(undefined)
    } catch {
      isAsked.current = false
      setError('The search cannot be loaded. Is Router9 running?')
    }
  }
  const asked = query.trim()
  const hits = useMemo(() => (asked === '' || find === undefined ? [] : find(asked)), [find, asked])
  const isShown = isOpen && asked !== ''

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      if (isShown) setOpen(false)
      else setQuery('')
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (hits.length === 0) return
      setOpen(true)
      setAt((at + (event.key === 'ArrowDown' ? 1 : hits.length - 1)) % hits.length)
    } else if (event.key === 'Enter') {
      const hit = hits[at]
      if (!isShown || hit === undefined) return
      open(hit)
    } else return
    event.preventDefault()
  }
  function open({ url }: Hit): void {
    setOpen(false)
    location.assign(url)
  }

  return (
    <search>
      <input
        ref={input}
        class="docs-query"
        type="text"
        enterkeyhint="search"
        // biome-ignore lint/a11y/noRedundantRoles: without a list of its own, a box is a textbox
        role="combobox"
        list={undefined}
        aria-label="Search the documentation"
        aria-expanded={isShown && hits.length > 0}
        aria-controls="docs-hits"
        aria-autocomplete="list"
        aria-activedescendant={isShown && hits.length > 0 ? `docs-hit-${at}` : undefined}
        placeholder="Search (press /)"
        autocomplete="off"
        spellcheck={false}
        value={query}
        onFocus={load}
        onInput={(event) => {
          void load()
          setQuery(event.currentTarget.value)
          setAt(0)
          setOpen(true)
        }}
        onKeyDown={onKeyDown}
        onBlur={() => setOpen(false)}
      />
      <div id="docs-hits" class="docs-hits" role="listbox" aria-label="Results" hidden={!isShown || hits.length === 0}>
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the box above
          // biome-ignore lint/a11y/useFocusableInteractive: the box above keeps the focus (aria-activedescendant)
          <div
            key={hit.url}
            id={`docs-hit-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => open(hit)}
          >
            <Option hit={hit} />
          </div>
        ))}
      </div>
      <p class={isShown && hits.length === 0 ? 'docs-hits muted' : 'docs-count'} role="status">
        {isShown && (error ?? (find === undefined ? 'Loading…' : countOf(hits.length, asked)))}
      </p>
    </search>
  )
}

function Option({ hit: { page, title, excerpt } }: { hit: Hit }) {
  return (
    <>
      <strong>{title}</strong> {title !== page && <span class="muted">{page}</span>}
      <span class="docs-excerpt">{excerpt.map(({ text, isMarked }) => (isMarked ? <mark>{text}</mark> : text))}</span>
    </>
  )
}

function countOf(hits: number, asked: string): string {
  if (hits === 0) return `Nothing is found for “${asked}”.`
  return hits === 1 ? '1 result' : `${hits} results`
}

/** `/` goes to the search, but not where somebody is writing. */
function useSlashKey(input: { readonly current: HTMLInputElement | null }): void {
  useEffect(() => {
    function focus(event: KeyboardEvent): void {
      const { target } = event
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
      if (target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]')) return
      event.preventDefault()
      input.current?.focus()
    }
    document.addEventListener('keydown', focus)
    return () => document.removeEventListener('keydown', focus)
  }, [input])
}
