import { dollarDigits, dollars } from './format.ts'

/** Dollars in a column: as many places as its longest number has, so that points stand below each other. @param column all of its values */
export function Dollars({ value, column }: { value: number | null | undefined; column: readonly Amount[] }) {
  const missing = Math.max(0, ...column.map(dollarDigits)) - dollarDigits(value)
  return (
    <>
      {dollars(value)}
      {missing > 0 && (
        <span class="no-digits" aria-hidden="true">
          {'0'.repeat(missing)}
        </span>
      )}
    </>
  )
}

type Amount = number | null | undefined
