import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

/** What may be larger than its place. */
export function Scrolling({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="scroll-box" tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}

/** Folded. What is in it is made only when somebody looks: a request with its images may have megabytes. */
export function Folded({ title, children }: { title: string; children: () => ComponentChildren }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="play-json" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && children()}
    </details>
  )
}
