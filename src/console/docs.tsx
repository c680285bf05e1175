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

signInFromAddress()
const aside = document.querySelector('.head-aside')
if (aside) render(<HeadAside />, aside)
addCopyButtons()
const search = document.getElementById('docs-search')
if (search) render(<Search address={search.dataset.address ?? ''} />, search)
