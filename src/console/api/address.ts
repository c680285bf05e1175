import { signal } from '@preact/signals'

/** What the address says of a page: its filters and its place in a list, so that a view can be sent to somebody. */
export const address = signal(new URLSearchParams(location.search))

addEventListener('popstate', () => {
  address.value = new URLSearchParams(location.search)
})

export type Fields = Readonly<Record<string, string | undefined>>

/** The address of this page with other fields. One that is undefined or empty is left out. */
export function addressOf(fields: Fields): string {
  const given = Object.entries(fields).flatMap(([name, value]) => (value ? [[name, value]] : []))
  const text = new URLSearchParams(given).toString()
  return location.pathname + (text && `?${text}`)
}

/** Goes there. `back` of the browser comes back, unless `replaces`: then the address takes the place of this one. */
export function goTo(fields: Fields, replaces = false): void {
  const url = addressOf(fields)
  if (replaces) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  address.value = new URLSearchParams(location.search)
}

/** What the address says now, with changes. */
export function withFields(changes: Fields): Fields {
  return { ...Object.fromEntries(address.peek()), ...changes }
}
