/** What may come next in JSON, in the words of the message. */
const EXPECTED = {
  value: 'a value',
  firstValue: 'a value or ]',
  name: 'a name in double quotes',
  firstName: 'a name in double quotes or }',
  colon: 'a colon',
  afterMember: 'a comma or }',
  afterElement: 'a comma or ]',
  end: 'the end',
}
type Expected = keyof typeof EXPECTED

const SPACE = /[ \t\r\n]*/y
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy
const WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y

/** @throws Error that says in which line and column the text is no JSON: browsers tell it in their own ways, and not always. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(faultIn(text) ?? (error as Error).message)
  }
}

function faultIn(text: string): string | undefined {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  function matches(pattern: RegExp): boolean {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  const afterValue = (): Expected => (open.length === 0 ? 'end' : open.at(-1) === '{' ? 'afterMember' : 'afterElement')
  /** @returns what may follow; undefined where this may not stand here */
  function step(): Expected | undefined {
    const sign = text[at]
    const isValue = expected === 'value' || expected === 'firstValue'
    if (isValue && (sign === '{' || sign === '[')) {
      at++
      open.push(sign)
      return sign === '{' ? 'firstName' : 'firstValue'
    }
    if (
      (sign === '}' && ['firstName', 'afterMember'].includes(expected)) ||
      (sign === ']' && ['firstValue', 'afterElement'].includes(expected))
    ) {
      at++
      open.pop()
      return afterValue()
    }
    if (sign === ',' && expected.startsWith('after')) {
      at++
      return expected === 'afterMember' ? 'name' : 'value'
    }
    if (sign === ':' && expected === 'colon') {
      at++
      return 'value'
    }
    if (expected === 'name' || expected === 'firstName') return matches(STRING) ? 'colon' : undefined
    return isValue && (matches(STRING) || matches(WORD)) ? afterValue() : undefined
  }
  for (;;) {
    matches(SPACE)
    if (at === text.length) return expected === 'end' ? undefined : messageFor(text, at, expected)
    const next = step()
    if (next === undefined) return messageFor(text, at, expected)
    expected = next
  }
}

function messageFor(text: string, at: number, expected: Expected): string {
  const lines = text.slice(0, at).split('\n')
  const found = /^(?:[\w.-]{1,20}|.)/u.exec(text.slice(at, at + 24))?.[0]
  const isBadText = found === '"' && ['value', 'firstValue', 'name', 'firstName'].includes(expected)
  const what = isBadText
    ? 'this text in quotes has no end in its line, or a backslash that JSON does not know'
    : `expected ${EXPECTED[expected]}, found ${found === undefined ? 'the end' : `“${found}”`}`
  return `Not JSON yet: line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}: ${what}.`
}
