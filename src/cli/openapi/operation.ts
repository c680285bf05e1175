import type { JsonSchema } from './json-schema.ts'

export type Method = 'get' | 'post' | 'patch' | 'delete'

/** Whose words the errors of a path are in. */
export type ErrorShape = 'Error' | 'MessagesError' | 'GeminiError'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description: string
  readonly schema: JsonSchema
  readonly example?: unknown
  /** Those in a path are needed always. */
  readonly isRequired?: boolean
}

/** A method of a path, as `document.ts` writes it. */
export interface Operation {
  readonly path: string
  readonly method: Method
  readonly id: string
  readonly tag: string
  /** A sentence's worth, without a stop. */
  readonly summary: string
  readonly description?: string
  /** The page about it: a subject of the documentation, and a heading where one is meant. */
  readonly docs: string
  readonly key: 'model' | 'management' | 'any' | 'none'
  readonly parameters?: readonly Parameter[]
  readonly body?: {
    readonly schema: JsonSchema
    /** A body that works with the simulator, or undefined where there may be none. */
    readonly example: unknown
    readonly optional?: boolean
  }
  /** 200 if absent. */
  readonly status?: number
  /** Absent where it only refuses. */
  readonly answer?: JsonSchema
  /** One event of an answer that streams. */
  readonly event?: JsonSchema
  readonly errors: readonly number[]
  readonly errorShape?: ErrorShape
}
