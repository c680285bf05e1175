import { useEffect, useState } from 'preact/hooks'
import { SignedIn } from './sign-in.tsx'

/** The right end of the head: light or dark, and who is signed in. */
export function HeadAside() {
  return (
    <>
      <ThemeSwitch />
      <SignedIn />
    </>
  )
}

/** Kept for this browser; src/console/theme.tsx applies it before a page is drawn. */
function ThemeSwitch() {
  const [theme, setTheme] = useState('system')
  useEffect(() => setTheme(document.documentElement.dataset.theme ?? 'system'), [])
  function choose(chosen: string): void {
    setTheme(chosen)
    if (chosen === 'system') {
      delete document.documentElement.dataset.theme
      localStorage.removeItem('router9-theme')
    } else {
      document.documentElement.dataset.theme = chosen
      localStorage.setItem('router9-theme', chosen)
    }
  }
  return (
    <select class="theme" aria-label="Theme" value={theme} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="system">System</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  )
}
