import { useState } from 'preact/hooks'

/** Copies `text`, and says so for two seconds. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false)
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text)
    setDone(true)
    setTimeout(() => setDone(false), 2000)
  }
  return (
    <button type="button" class="button small" onClick={copy}>
      <span aria-live="polite">{isDone ? 'Copied' : label}</span>
    </button>
  )
}
