import path from 'node:path'
import { readArguments, readWholeNumber, UsageError } from '../../src/cli/arguments.ts'

/** What a run of the comparison is asked for. */
export interface Asked {
  /** The folder of the version to compare with, a checkout, installed. */
  readonly before: string
  /** The folder of the version that is looked at; this checkout where absent. */
  readonly after: string | undefined
  readonly quick: boolean
  /** Part of `source/name` of the requests to send; all where ''. */
  readonly only: string
  readonly seed: number
  /** How many requests are generated. */
  readonly count: number
  /** A folder with what the tests have asked their Workers. */
  readonly tape: string | undefined
}

export const USAGE = `npm run compare -- --before FOLDER [options]
  --before FOLDER   another version of Router9 (a checkout, installed) that gets the same requests
  --after FOLDER    the version to look at (this checkout)
  --quick           a small part of all requests, in half a minute
  --only TEXT       the requests whose 'source/name' contains TEXT
  --seed N          for the generated requests (9)
  --count N         how many requests are generated (10000; 600 when quick)
  --tape FOLDER     sends what the tests have asked too; they write it down where COMPARE_TAPE names the folder
Recordings are compared where RECORDINGS (of answers) and CLIENT_RECORDINGS (of requests) name their folders.`

/** @throws UsageError */
export function readCompareArguments(args: readonly string[]): Asked {
  const { values } = readArguments(args, {
    before: { type: 'string' },
    after: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '9' },
    count: { type: 'string' },
    tape: { type: 'string' },
  })
  if (values.before === undefined) throw new UsageError('--before names the folder of the other version')
  return {
    before: path.resolve(values.before),
    after: values.after === undefined ? undefined : path.resolve(values.after),
    quick: values.quick,
    only: values.only,
    seed: readWholeNumber('seed', values.seed),
    count: readWholeNumber('count', values.count ?? (values.quick ? '600' : '10000')),
    tape: values.tape,
  }
}
