import { useId } from 'preact/hooks'
import type { Field } from './operations.ts'
import { bodyFault, type Trial } from './trial.ts'

/** Parameters as fields, and the body as JSON. Ctrl + Enter sends. */
export function RequestForm({ trial }: { trial: Trial }) {
  const { operation } = trial
  return (
    <>
      {operation.fields.length > 0 && (
        <div class="try-fields">
          {operation.fields.map((field) => (
            <FieldInput key={`${field.in} ${field.name}`} trial={trial} field={field} />
          ))}
        </div>
      )}
      {operation.body && <Body trial={trial} isRequired={operation.body.isRequired} />}
    </>
  )
}

function FieldInput({ trial: { values }, field }: { trial: Trial; field: Field }) {
  const { name, in: place, description, isRequired, example, options } = field
  const id = useId()
  const shared = {
    id: `${id}-field`,
    value: values.value[name] ?? '',
    required: isRequired,
    'aria-describedby': description ? id : undefined,
    onInput: ({ currentTarget }: { currentTarget: { value: string } }) => {
      values.value = { ...values.value, [name]: currentTarget.value }
    },
  }
  return (
    <div>
      <label for={`${id}-field`}>
        <code>{name}</code> {place}
        {isRequired && ', required'}
      </label>
      {options ? (
        <select {...shared}>
          <option value="">{isRequired ? '' : 'not sent'}</option>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : (
        <input {...shared} placeholder={example} autocomplete="off" spellcheck={false} />
      )}
      {description && (
        <p id={id} class="muted">
          {description}
        </p>
      )}
    </div>
  )
}

function Body({ trial, isRequired }: { trial: Trial; isRequired: boolean }) {
  const { body } = trial
  const id = useId()
  const fault = bodyFault(trial)
  return (
    <>
      <label>
        Body, JSON{!isRequired && ', may be empty'}
        <textarea
          class="try-body"
          rows={4}
          spellcheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={fault && id}
          value={body.value}
          onInput={(event) => {
            body.value = event.currentTarget.value
          }}
        />
      </label>
      {fault && (
        <p id={id} class="try-fault bad">
          {fault}
        </p>
      )}
    </>
  )
}
