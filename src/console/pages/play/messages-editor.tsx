import { useState } from 'preact/hooks'
import { change, draft, type Message, newMessage } from './draft.ts'
import { readImages } from './images.ts'

/** Goes on in the field of a message, once it is there; where there is none, at the button that adds one. */
export function focusMessage(id: number | undefined): void {
  requestAnimationFrame(() => document.getElementById(id === undefined ? 'play-add' : `play-message-${id}`)?.focus())
}

/** The system prompt and the messages: add, remove, change. */
export function MessagesEditor() {
  const { system, messages } = draft.value
  function add(role: Message['role']): void {
    const added = newMessage(role)
    change({ messages: [...messages, added] })
    focusMessage(added.id)
  }
  return (
    <section aria-label="Messages">
      <label>
        System
        <textarea
          rows={2}
          value={system}
          placeholder="How the model is to behave"
          onInput={(event) => change({ system: event.currentTarget.value })}
        />
      </label>
      {messages.map((message, at) => (
        <MessageEditor key={message.id} message={message} number={at + 1} />
      ))}
      <div class="play-buttons">
        <button type="button" id="play-add" class="button small" onClick={() => add('user')}>
          Add user
        </button>
        <button type="button" class="button small" onClick={() => add('assistant')}>
          Add assistant
        </button>
      </div>
    </section>
  )
}

function MessageEditor({ message, number }: { message: Message; number: number }) {
  const [problem, setProblem] = useState<string>()
  const { id, role, text, images, calls, call } = message
  const name = `Message ${number}`
  const others = () => draft.peek().messages
  const update = (fields: Partial<Message>) =>
    change({ messages: others().map((one) => (one.id === id ? { ...one, ...fields } : one)) })
  function remove(): void {
    change({ messages: others().filter((one) => one.id !== id) })
    focusMessage(others()[number - 1]?.id)
  }
  async function addImages(files: readonly File[]): Promise<void> {
    setProblem(undefined)
    try {
      const all = others().flatMap((one) => one.images)
      const added = await readImages(files, all)
      const now = others().find((one) => one.id === id)?.images ?? []
      update({ images: [...now, ...added] })
    } catch (error) {
      setProblem((error as Error).message)
    }
  }
  function paste(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith('image/'))
    if (files.length === 0 || role !== 'user') return
    event.preventDefault()
    void addImages(files)
  }
  return (
    <div class="play-message">
      <div class="play-message-head">
        {call ? (
          <span class="muted">Result of {call.name}</span>
        ) : (
          <select
            aria-label={`Role of message ${number}`}
            value={role}
            onChange={(event) => update({ role: event.currentTarget.value as Message['role'], images: [] })}
          >
            <option value="user">User</option>
            <option value="assistant">Assistant</option>
          </select>
        )}
        {role === 'user' && (
          <label class="button small play-file">
            Add images
            <input
              type="file"
              accept="image/*"
              multiple
              aria-label={`Add images to message ${number}`}
              onChange={(event) => {
                void addImages([...(event.currentTarget.files ?? [])])
                event.currentTarget.value = ''
              }}
            />
          </label>
        )}
        <button type="button" class="button small" aria-label={`Remove message ${number}`} onClick={remove}>
          Remove
        </button>
      </div>
      <textarea
        id={`play-message-${id}`}
        class="play-text"
        aria-label={name}
        rows={role === 'user' ? 4 : 3}
        value={text}
        placeholder={role === 'tool' ? 'What the tool returned' : role === 'user' ? 'What to ask' : 'What it answered'}
        onInput={(event) => update({ text: event.currentTarget.value })}
        onPaste={paste}
      />
      {calls?.map((one) => (
        <p key={one.id} class="muted play-call-note">
          calls <code>{one.name}</code> <code>{one.args}</code>
        </p>
      ))}
      {images.length > 0 && (
        <ul class="play-images">
          {images.map((url, at) => (
            <li key={at}>
              <img src={url} alt={`Attachment ${at + 1} of message ${number}`} />
              <button
                type="button"
                class="button small"
                aria-label={`Remove image ${at + 1} of message ${number}`}
                onClick={() => update({ images: images.filter((_, other) => other !== at) })}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      {problem && (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}
