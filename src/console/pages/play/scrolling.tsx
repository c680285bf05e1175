import type { ComponentChildren } from 'preact'

/** What may be larger than its place. */
export function Scrolling({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="play-scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}
