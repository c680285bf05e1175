import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

/**
 * The browser's own dialog: Escape closes it, and focus goes back to where it was. Close it by `dismiss`, which calls `closed`.
 * @param closed takes the dialog out of the page
 */
export function Dialog({
  title,
  closed,
  children,
}: {
  title: ComponentChildren
  closed: () => void
  children: (dismiss: () => void) => ComponentChildren
}) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Before the next key press, which may be Escape.
  useLayoutEffect(() => {
    element.current?.showModal()
    // Otherwise the button that closes it has the focus.
    element.current?.querySelector<HTMLElement>('form :is(input, select, textarea)')?.focus()
  }, [])
  const dismiss = () => element.current?.close()
  return (
    <dialog ref={element} class="dialog" aria-labelledby={id} onClose={closed}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button small" onClick={dismiss}>
          Close
        </button>
      </div>
      {children(dismiss)}
    </dialog>
  )
}
