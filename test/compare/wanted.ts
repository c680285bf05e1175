import { ABSENT, type Difference } from './differences.ts'

/** A change that was wanted. */
interface Wanted {
  readonly reason: string
  readonly covers: (difference: Difference) => boolean
}

/** Headers that come only where they say something new (contract 7). */
const LEFT_OUT =
  /^header (access-control-[\w-]+|content-security-policy|referrer-policy|x-router9-(attempts|reason|requested-model))$/

/** A provider's code that is a sentence: as a member of a log line, and as a column of a data point. */
const SENTENCES = /"(?:code|reason)":"\S+ [^"]*",?/g
const SENTENCE_COLUMN = / blob5=\S+ (?!blob6=)/
const NO_CODE_COLUMN = / blob5= blob6=/

/** Every change of behaviour that is meant, with its reason. A difference that is not here is a fault. */
const WANTED: readonly Wanted[] = [
  {
    reason: 'a header that says nothing new is left out',
    covers: ({ part, after }) => after === ABSENT && LEFT_OUT.test(part),
  },
  {
    reason: 'what nobody changes of a long request is sent as it came',
    covers: ({ part, before, after }) => part.startsWith('upstream body') && isSameJson(before, after),
  },
  {
    reason: 'provider.hedge is a field that is checked',
    covers: ({ request }) => /"hedge":/.test(String(request.body ?? '')),
  },
  {
    reason: 'a system message within a conversation is a reminder for a Claude that refuses it',
    covers: ({ part, after }) => part.startsWith('upstream body') && after.includes('<system-reminder>'),
  },
  {
    reason: 'what a provider calls its code is told in no log where it is a sentence',
    covers: ({ part, before, after }) =>
      part.startsWith('log')
        ? before.replace(SENTENCES, '') === after.replace(SENTENCES, '')
        : part.startsWith('data point') && (SENTENCE_COLUMN.test(before) || NO_CODE_COLUMN.test(after)),
  },
]

function isSameJson(before: string, after: string): boolean {
  try {
    return JSON.stringify(JSON.parse(before)) === JSON.stringify(JSON.parse(after))
  } catch {
    return false
  }
}

/** Takes out what is meant, and counts it by its reason. */
export function withoutWanted(differences: readonly Difference[]): {
  unwanted: Difference[]
  wanted: Record<string, number>
} {
  const unwanted: Difference[] = []
  const wanted: Record<string, number> = {}
  for (const difference of differences) {
    const reason = WANTED.find(({ covers }) => covers(difference))?.reason
    if (reason === undefined) unwanted.push(difference)
    else wanted[reason] = (wanted[reason] ?? 0) + 1
  }
  return { unwanted, wanted }
}
