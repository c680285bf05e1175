import { MAX_CHOICES, malformedAnswer } from './answer-bounds.ts'
import { isJsonObject } from './fields.ts'

/**
 * Gives each choice of an answer a number of its own, from 0: the provider's index, unless that is taken or out of range. It
 * gets the choices of a body, or of each event of a stream. @throws Failure where there are more than `MAX_CHOICES`.
 */
export type ChoiceNumbers = (list: readonly unknown[]) => readonly number[]

export function createChoiceNumbers(): ChoiceNumbers {
  const numbers = new Map<number | string, number>()
  const taken = new Set<number>()

  const free = (wanted: number): number => {
    if (Number.isInteger(wanted) && wanted >= 0 && wanted < MAX_CHOICES && !taken.has(wanted)) return wanted
    let number = 0
    while (taken.has(number)) number++
    return number
  }

  const numberOf = (key: number | string, wanted: number): number => {
    const known = numbers.get(key)
    if (known !== undefined) return known
    if (taken.size >= MAX_CHOICES) throw tooManyChoices()
    const number = free(wanted)
    taken.add(number)
    numbers.set(key, number)
    return number
  }

  return (list) => {
    if (list.length > MAX_CHOICES) throw tooManyChoices()
    const indexes = list.map((choice, place) =>
      isJsonObject(choice) && typeof choice.index === 'number' ? choice.index : place,
    )
    if (indexes.length === 1) return indexes.map((index) => numberOf(index, index))
    const seen = new Map<number, number>()
    return indexes.map((index) => {
      const before = seen.get(index) ?? 0
      seen.set(index, before + 1)
      // Two of one list with the same index are two choices, and the second stays the second in later lists.
      return numberOf(before === 0 ? index : `${index}/${before}`, index)
    })
  }
}

function tooManyChoices() {
  return malformedAnswer(`it has more than ${MAX_CHOICES} choices`)
}
