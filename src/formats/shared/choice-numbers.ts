import { MAX_CHOICES, malformedAnswer } from './answer-bounds.ts'
import { isJsonObject } from './fields.ts'

/**
 * Gives each choice of an answer a number of its own, from 0: the provider's index, unless that is taken or out of range. It
 * gets the choices of a body, or of each event of a stream. @throws Failure where there are more than `MAX_CHOICES`.
 */
export type ChoiceNumbers = (list: readonly unknown[]) => readonly number[]

export function createChoiceNumbers(): ChoiceNumbers {
  /** Which choice has which number. There are few, so a search needs no index. */
  const keys: (number | string | undefined)[] = []

  const free = (wanted: number): number => {
    if (Number.isInteger(wanted) && wanted >= 0 && wanted < MAX_CHOICES && keys[wanted] === undefined) return wanted
    let number = 0
    while (keys[number] !== undefined) number++
    return number
  }

  const numberOf = (key: number | string, wanted: number): number => {
    if (keys[wanted] === key) return wanted
    const known = keys.indexOf(key)
    if (known >= 0) return known
    const number = free(wanted)
    if (number >= MAX_CHOICES) throw tooManyChoices()
    keys[number] = key
    return number
  }

  return (list) => {
    if (list.length > MAX_CHOICES) throw tooManyChoices()
    const indexes = list.map(indexOf)
    const [only] = indexes
    if (indexes.length === 1 && only !== undefined) return [numberOf(only, only)]
    const seen = new Map<number, number>()
    return indexes.map((index) => {
      const before = seen.get(index) ?? 0
      seen.set(index, before + 1)
      // Two of one list with the same index are two choices, and the second stays the second in later lists.
      return numberOf(before === 0 ? index : `${index}/${before}`, index)
    })
  }
}

function indexOf(choice: unknown, place: number): number {
  return isJsonObject(choice) && typeof choice.index === 'number' ? choice.index : place
}

function tooManyChoices() {
  return malformedAnswer(`it has more than ${MAX_CHOICES} choices`)
}
