import { render } from 'preact'
import { signInFromAddress } from './api/session.ts'
import { Search } from './pages/docs/search.tsx'
import { CopyButton } from './parts/copy-button.tsx'
import { HeadAside } from './parts/head-aside.tsx'

/** The address in the documents' samples, which the tests run. */
const SAMPLE_ADDRESS = 'http://localhost:8787'

/** Samples name this address, and can be copied. */
function addCopyButtons(): void {
  for (const box of document.querySelectorAll('.docs-code')) {
    const code = box.querySelector('code')
    if (code === null) continue
    const text = (code.textContent ?? '').replaceAll(SAMPLE_ADDRESS, location.origin)
    if (text !== code.textContent) code.textContent = text
    const place = document.createElement('div')
    place.className = 'docs-copy'
    box.append(place)
    render(<CopyButton text={text} />, place)
  }
}

/** A form for requests, which is loaded when it is opened, or when a link leads to it. */
function addTryIt(): void {
  const box = document.querySelector<HTMLDetailsElement>('#try-it')
  const place = box?.querySelector('div')
  if (!box || !place) return
  let isAsked = false
  async function load(): Promise<void> {
    if (isAsked || !place) return
    isAsked = true
    place.textContent = 'Loading…'
    try {
      const { showTryIt } = await import('./pages/try-it/try-it.tsx')
      place.replaceChildren()
      showTryIt(place, location.pathname.replace(/\/$/, ''))
    } catch {
      isAsked = false
      place.textContent = 'It cannot be loaded. Is Router9 running? Close this and open it again.'
    }
  }
  const openIfMeant = () => {
    if (location.hash === '#try-it') box.open = true
  }
  box.addEventListener('toggle', () => box.open && load())
  addEventListener('hashchange', openIfMeant)
  openIfMeant()
}

signInFromAddress()
const aside = document.querySelector('.head-aside')
if (aside) render(<HeadAside />, aside)
addCopyButtons()
addTryIt()
const search = document.getElementById('docs-search')
if (search) render(<Search address={search.dataset.address ?? ''} />, search)
