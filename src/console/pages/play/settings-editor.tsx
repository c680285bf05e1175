import { useId, useState } from 'preact/hooks'
import { change, type Draft, draft } from './draft.ts'
import type { Settings } from './settings.ts'

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh']

const EXAMPLE_TOOL = `[{
  "name": "get_weather",
  "description": "The weather of a city",
  "parameters": {
    "type": "object",
    "properties": { "city": { "type": "string" } },
    "required": ["city"]
  }
}]`

const EXAMPLE_SCHEMA = `{
  "type": "object",
  "properties": { "answer": { "type": "string" } },
  "required": ["answer"],
  "additionalProperties": false
}`

/** Parameters, tools, a schema for the answer, and whatever else goes into the body. */
export function SettingsEditor({ settings }: { settings: Settings }) {
  const { temperature, maxTokens, effort, toolChoice, tools, schema, extra } = draft.value
  const { faults } = settings
  const names = settings.tools.map(({ name }) => name)
  return (
    <section aria-label="Parameters">
      <div class="play-fields">
        <NumberField label="Temperature" field="temperature" value={temperature} fault={faults.temperature} />
        <NumberField label="Max tokens" field="maxTokens" value={maxTokens} fault={faults.maxTokens} />
        <label>
          Reasoning effort
          <select value={effort} onChange={(event) => change({ effort: event.currentTarget.value })}>
            <option value="">default</option>
            {EFFORTS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          Tool choice
          <select value={toolChoice} onChange={(event) => change({ toolChoice: event.currentTarget.value })}>
            <option value="">default</option>
            {[...new Set(['auto', 'none', 'required', ...names, toolChoice])].filter(Boolean).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </div>
      <JsonField
        label="Tools"
        field="tools"
        value={tools}
        fault={faults.tools}
        said={names.length > 0 ? `${names.length === 1 ? '1 tool' : `${names.length} tools`}: ${names.join(', ')}` : ''}
        example={EXAMPLE_TOOL}
      />
      <JsonField
        label="JSON schema of the answer"
        field="schema"
        value={schema}
        fault={faults.schema}
        said={settings.schema ? 'The answer is JSON of this schema.' : ''}
        example={EXAMPLE_SCHEMA}
      />
      <JsonField
        label="Other fields of the body"
        field="extra"
        value={extra}
        fault={faults.extra}
        said={Object.keys(settings.extra).join(', ')}
        example={'{ "provider": { "sort": "price" } }'}
      />
    </section>
  )
}

interface FieldInput {
  label: string
  value: string
  fault: string | undefined
}

function NumberField({ label, field, value, fault }: FieldInput & { field: 'temperature' | 'maxTokens' }) {
  const id = useId()
  return (
    <label>
      {label}
      <input
        inputMode="decimal"
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={fault && id}
        onInput={(event) => change({ [field]: event.currentTarget.value })}
      />
      {fault && (
        <span id={id} class="bad">
          {fault}
        </span>
      )}
    </label>
  )
}

function JsonField({
  label,
  field,
  value,
  fault,
  said,
  example,
}: FieldInput & { field: keyof Draft & ('tools' | 'schema' | 'extra'); said: string; example: string }) {
  const id = useId()
  // Only to begin with: a field that is emptied stays open.
  const [isOpen] = useState(value !== '')
  return (
    <details class="play-json" open={isOpen}>
      <summary>
        {label} {fault ? <span class="badge bad">not valid</span> : said && <span class="muted">{said}</span>}
      </summary>
      <textarea
        class="play-code"
        rows={6}
        spellcheck={false}
        aria-label={label}
        aria-invalid={fault !== undefined}
        aria-describedby={id}
        value={value}
        onInput={(event) => change({ [field]: event.currentTarget.value })}
      />
      <p id={id} class={fault ? 'bad' : 'muted'}>
        {fault ?? said}
      </p>
      {value === '' && (
        <button type="button" class="button small" onClick={() => change({ [field]: example })}>
          Put in an example
        </button>
      )}
    </details>
  )
}
