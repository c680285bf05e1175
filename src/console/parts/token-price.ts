/** As wide as a digit. */
const FIGURE_SPACE = '\u2007'
const DIGITS = { minimumFractionDigits: 2, maximumFractionDigits: 4 }

/** Dollars per million tokens, as exact as providers name them: $2.50, $0.0375. */
export function tokenPrice(value: number): string {
  return `$${value.toLocaleString('en-US', DIGITS)}`
}

/** The same for a column: places that are missing are filled up, so that the points stand below each other. */
export function tokenPriceInColumn(value: number | undefined): string {
  if (value === undefined) return `–${FIGURE_SPACE.repeat(2)}`
  const text = tokenPrice(value)
  const digits = text.length - 1 - text.indexOf('.')
  return text + FIGURE_SPACE.repeat(DIGITS.maximumFractionDigits - digits)
}
