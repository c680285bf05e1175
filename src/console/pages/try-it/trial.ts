import { type Signal, signal } from '@preact/signals'
import { readJson } from '../../parts/json-fault.ts'
import { type Exchange, startExchange, type TryRequest } from './exchange.ts'
import type { Operation } from './operations.ts'

/** What somebody has written for an operation, and what came of it. It stays while another one is looked at. */
export interface Trial {
  readonly operation: Operation
  /** Of its fields, by name. Empty means absent. */
  readonly values: Signal<Readonly<Record<string, string>>>
  /** JSON, or on the way there. */
  readonly body: Signal<string>
  readonly exchange: Signal<Exchange | undefined>
}

export function createTrial(operation: Operation): Trial {
  const trial = { operation, values: signal({}), body: signal(''), exchange: signal(undefined) }
  resetTrial(trial)
  return trial
}

/** Everything as in the document's example. The last response stays. */
export function resetTrial({ operation, values, body }: Trial): void {
  values.value = Object.fromEntries(
    operation.fields.filter(({ isRequired }) => isRequired).map(({ name, example }) => [name, example]),
  )
  body.value = operation.body?.example ?? ''
}

/** The request as it is written. */
export function requestOf(trial: Trial): TryRequest {
  const { operation } = trial
  const values = trial.values.value
  const given = operation.fields.flatMap((field) => {
    const value = values[field.name]?.trim() ?? ''
    return value === '' ? [] : [{ ...field, value }]
  })
  const pairsIn = (place: string) => given.filter((field) => field.in === place).map(({ name, value }) => [name, value])
  const query = new URLSearchParams(pairsIn('query')).toString()
  const path = operation.path.replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values[name]?.trim()
    return value ? encodeURIComponent(value) : all
  })
  const text = trial.body.value
  return {
    method: operation.method,
    path: path + (query && `?${query}`),
    header: Object.fromEntries(pairsIn('header')),
    text: text.trim() === '' ? undefined : text,
  }
}

/** Which field is missing. */
export function fieldFault({ operation, values }: Trial): string | undefined {
  const missing = operation.fields.find(({ name, isRequired }) => isRequired && !values.value[name]?.trim())
  return missing && `Fill in “${missing.name}” first.`
}

/** What is wrong with the body, and in which line. */
export function bodyFault({ operation, body }: Trial): string | undefined {
  if (body.value.trim() === '') return operation.body?.isRequired ? 'Write a body first.' : undefined
  try {
    readJson(body.value)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Whether the body asks for a stream; undefined where it is no JSON object. */
export function isStreaming({ body }: Trial): boolean | undefined {
  const fields = readObject(body.value)
  return fields && fields.stream === true
}

export function setStreaming({ body }: Trial, isOn: boolean): void {
  const { stream: _, ...others } = readObject(body.value) ?? {}
  body.value = JSON.stringify({ ...others, ...(isOn && { stream: true }) }, null, 2)
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** @param key empty for none */
export function send(trial: Trial, key: string): void {
  trial.exchange.value = startExchange(requestOf(trial), key)
}
