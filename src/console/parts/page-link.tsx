import type { ComponentChildren } from 'preact'
import { addressOf, type Fields, goTo } from '../api/address.ts'

/** A link to another view of the same page, which is not loaded anew for it. */
export function PageLink({
  fields,
  children,
  current = false,
}: {
  fields: Fields
  children: ComponentChildren
  /** Whether this view is the one that is shown. */
  current?: boolean
}) {
  function follow(event: MouseEvent): void {
    // A new tab is the browser's.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    goTo(fields)
    scrollTo(0, 0)
  }
  return (
    <a href={addressOf(fields)} aria-current={current ? 'page' : undefined} onClick={follow}>
      {children}
    </a>
  )
}
