/**
 * Schemas of what comes from outside. Each is a function that ends at the first fault: the client is told one, and a list with
 * a million faults would cost hundreds of megabytes. They are our own, because an isolate loads them before its first answer.
 */

/** What is wrong with a value. */
export interface Fault {
  /** Where in the value it is. */
  readonly path: readonly PropertyKey[]
  /** What follows the name of the field in a sentence: `must be a string`. */
  readonly complaint: string
  readonly isTooLong?: boolean
}

/** The first fault of a value, if it has one. The type is that of a value without. */
export interface Schema<out Output> {
  (value: unknown): Fault | undefined
  /** Never there; it holds the type. */
  readonly output?: Output
}

/** The type of what passes a schema. */
export type Checked<One> = One extends Schema<infer Output> ? Output : never

type Shape = Readonly<Record<string, Schema<unknown>>>
type OptionalNames<Members extends Shape> = {
  [Name in keyof Members]: undefined extends Checked<Members[Name]> ? Name : never
}[keyof Members]

/** The type of an object whose members pass their schemas, beside members that are not known. */
export type CheckedObject<Members extends Shape> = {
  [Name in Exclude<keyof Members, OptionalNames<Members>>]: Checked<Members[Name]>
} & { [Name in OptionalNames<Members>]?: Checked<Members[Name]> } & { [name: string]: unknown }

interface Bounds {
  readonly min?: number
  readonly max?: number
}

export function mustBe(what: string): Fault {
  return { path: [], complaint: `must be ${what}` }
}

/** The fault of an object that lacks a member, or has `null` there. */
export function lacks(member: string): Fault {
  return { path: [member], complaint: 'must not be null' }
}

function below(step: PropertyKey, fault: Fault): Fault {
  return { ...fault, path: [step, ...fault.path] }
}

export const text: Schema<string> = (value) => (typeof value === 'string' ? undefined : mustBe('a string'))

/** A text that is not empty. */
export const name: Schema<string> = (value) => (value === '' ? EMPTY : text(value))

const EMPTY: Fault = { path: [], complaint: 'must not be empty' }

export const boolean: Schema<boolean> = (value) => (typeof value === 'boolean' ? undefined : mustBe('true or false'))

export const anything: Schema<unknown> = () => undefined

export function number({
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
}: Bounds = {}): Schema<number> {
  return (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return mustBe('a number')
    if (value < min) return mustBe(`at least ${min}`)
    return value > max ? mustBe(`at most ${max}`) : undefined
  }
}

/** A number that JavaScript holds exactly. */
export function wholeNumber(bounds?: Bounds): Schema<number> {
  const [isExact, isWithin] = [number({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }), number(bounds)]
  return (value) => {
    if (typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value)) return mustBe('a whole number')
    return isExact(value) ?? isWithin(value)
  }
}

export function oneOf<const Value extends string>(...values: readonly Value[]): Schema<Value> {
  const what = values.map((value) => `"${value}"`).join(', ')
  const known: ReadonlySet<unknown> = new Set(values)
  return (value) => (known.has(value) ? undefined : mustBe(what.replace(/, ([^,]*)$/, ' or $1')))
}

export function optional<Output>(schema: Schema<Output>): Schema<Output | undefined> {
  return (value) => (value === undefined ? undefined : schema(value))
}

/** OpenAI takes `null` for a field that is absent. */
export function maybe<Output>(schema: Schema<Output>): Schema<Output | null | undefined> {
  return (value) => (value === undefined || value === null ? undefined : schema(value))
}

/**
 * One of two. Where a value is neither, the fault is that of the branch whose fault is deeper, since that branch was meant. A
 * list that is too long was meant too.
 */
export function either<One, Other>(one: Schema<One>, other: Schema<Other>, what: string): Schema<One | Other> {
  return (value) => {
    const faults = [one(value), undefined]
    if (faults[0] === undefined) return undefined
    faults[1] = other(value)
    if (faults[1] === undefined) return undefined
    const [meant] = faults
      .filter((fault) => fault !== undefined && (fault.path.length > 0 || fault.isTooLong))
      .sort((a, b) => (b?.path.length ?? 0) - (a?.path.length ?? 0))
    return meant ?? mustBe(what)
  }
}

/** An array with a bounded number of elements. The number is checked before any element is. */
export function list<Output>(element: Schema<Output>, { min = 0, max }: Bounds = {}): Schema<Output[]> {
  return (value) => {
    if (!Array.isArray(value)) return mustBe('an array')
    if (value.length < min) return EMPTY
    if (max !== undefined && value.length > max) {
      return { path: [], complaint: `must hold at most ${max}`, isTooLong: true }
    }
    for (let at = 0; at < value.length; at++) {
      const fault = element(value[at])
      if (fault !== undefined) return below(at, fault)
    }
  }
}

/** An object with any content. */
export const anyMap: Schema<Record<string, unknown>> = (value) => (isMap(value) ? undefined : mustBe('an object'))

/** An object with any names, whose values have one schema. */
export function mapOf<Output>(element: Schema<Output>): Schema<Record<string, Output>> {
  return (value) => {
    if (!isMap(value)) return mustBe('an object')
    for (const key of Object.keys(value)) {
      const fault = element(value[key])
      if (fault !== undefined) return below(key, fault)
    }
  }
}

/** An object whose named members are checked, and after them what the rule asks for. Other members pass. */
export function object<const Members extends Shape>(
  members: Members,
  rule?: (value: CheckedObject<Members>) => Fault | undefined,
): Schema<CheckedObject<Members>> {
  const entries = Object.entries(members)
  return (value) => {
    if (!isObject(value)) return mustBe('an object')
    for (const [member, schema] of entries) {
      const fault = schema(value[member])
      if (fault !== undefined) return below(member, fault)
    }
    return rule?.(value as CheckedObject<Members>)
  }
}

/** An object that is checked by the schema of its type. One of another type passes. */
export function byType(
  schemas: Readonly<Record<string, Schema<unknown>>>,
  typeOf: (value: Readonly<Record<string, unknown>>) => unknown = ({ type }) => type,
): Schema<Record<string, unknown>> {
  return (value) => {
    if (!isObject(value)) return mustBe('an object')
    const type = typeOf(value)
    if (typeof type !== 'string') return below('type', mustBe('a string'))
    return Object.hasOwn(schemas, type) ? schemas[type]?.(value) : undefined
  }
}

/** The rule that an object of a type has some members. */
export function needs(
  members: Readonly<Record<string, readonly string[]>>,
  typeOf: (value: Readonly<Record<string, unknown>>) => unknown = ({ type }) => type,
): (value: Readonly<Record<string, unknown>>) => Fault | undefined {
  return (value) => {
    const type = String(typeOf(value))
    const names = Object.hasOwn(members, type) ? (members[type] ?? []) : []
    const lacking = names.find((member) => value[member] === undefined || value[member] === null)
    return lacking === undefined ? undefined : lacks(lacking)
  }
}

/** Whether a value passes, which then has the schema's type. */
export function passes<Output>(schema: Schema<Output>, value: unknown): value is Output {
  return schema(value) === undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A number that keeps its digits is an object too. */
function isMap(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !JSON.isRawJSON(value)
}
