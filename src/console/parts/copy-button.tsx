import { useState } from 'preact/hooks'

/** Copies `text`, and says for two seconds whether it could. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [said, say] = useState<string>()
  async function copy({ currentTarget }: { currentTarget: HTMLElement }): Promise<void> {
    say((await hasCopied(text, currentTarget)) ? 'Copied' : 'Not copied: select it')
    setTimeout(() => say(undefined), 2000)
  }
  return (
    <button type="button" class="button small" onClick={copy}>
      <span aria-live="polite">{said ?? label}</span>
    </button>
  )
}

async function hasCopied(text: string, button: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // The clipboard is there on secure pages only, and Router9 on another machine may be at http.
    const field = document.createElement('textarea')
    field.value = text
    button.after(field)
    field.select()
    const isDone = document.execCommand('copy')
    field.remove()
    button.focus()
    return isDone
  }
}
