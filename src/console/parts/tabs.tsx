import type { ComponentChildren } from 'preact'

interface Tab {
  readonly id: string
  readonly name: string
}

/** Tabs with their panel: arrows, Home and End go from one to the next, as the ARIA authoring practices have it. */
export function Tabs({
  label,
  tabs,
  chosen,
  choose,
  children,
}: {
  label: string
  tabs: readonly Tab[]
  chosen: string
  choose: (id: string) => void
  children: ComponentChildren
}) {
  function move(event: KeyboardEvent): void {
    const at = tabs.findIndex(({ id }) => id === chosen)
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }
    const to = steps[event.key]
    const tab = to === undefined ? undefined : tabs.at(to % tabs.length)
    if (tab === undefined) return
    event.preventDefault()
    choose(tab.id)
    document.getElementById(`tab-${tab.id}`)?.focus()
  }
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label}>
        {tabs.map(({ id, name }) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            aria-controls="tab-panel"
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => choose(id)}
            onKeyDown={move}
          >
            {name}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`}>
        {children}
      </div>
    </>
  )
}
