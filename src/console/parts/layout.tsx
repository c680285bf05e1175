import type { ComponentChildren } from 'preact'

/** The places that the head of every page leads to. */
const PLACES = [
  ['/console/play', 'Playground'],
  ['/console/health', 'Now'],
  ['/console/calls', 'Calls'],
  ['/console/usage', 'Usage'],
  ['/console/keys', 'Keys'],
  ['/console/models', 'Models'],
  ['/docs', 'Docs'],
] as const

/** The head of every page. @param path the page's own. @param aside at the right end: who is signed in. */
export function Layout({
  path,
  aside,
  children,
}: {
  path: string
  aside?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="head">
        <a class="brand" href="/">
          Router9
        </a>
        <nav aria-label="Pages">
          {PLACES.map(([place, name]) => (
            <a key={place} href={place} aria-current={isBelow(path, place) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <div class="head-aside">{aside}</div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  )
}

function isBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`)
}
