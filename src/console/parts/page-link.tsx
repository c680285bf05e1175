import type { ComponentChildren } from 'preact'
import { addressOf, type Fields, goTo } from '../api/address.ts'

/** A link to another view of the same page, which is not loaded anew for it. */
export function PageLink({
  fields,
  children,
  class: name,
}: {
  fields: Fields
  children: ComponentChildren
  class?: string
}) {
  function follow(event: MouseEvent): void {
    // A new tab is the browser's.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    goTo(fields)
    scrollTo(0, 0)
  }
  return (
    <a href={addressOf(fields)} class={name} onClick={follow}>
      {children}
    </a>
  )
}
