import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { PROVIDERS } from '../../catalog/providers.ts'

/** Asks the person in front for one provider's key, without showing it. Returns no secret where none is given. */
export async function askForProviderKey(): Promise<Readonly<Record<string, string>>> {
  let isShown = true
  const output = new Writable({
    write: (piece, _, done) => {
      if (isShown) process.stdout.write(piece)
      done()
    },
  })
  const prompt = createInterface({ input: process.stdin, output, terminal: true })
  try {
    const keyed = PROVIDERS.filter(({ keyOptional }) => keyOptional !== true)
    console.log(`No provider has a key yet. There are: ${keyed.map(({ id }) => id).join(', ')}.`)
    const id = (await prompt.question('Which one do you have a key of? ')).trim()
    const provider = keyed.find((one) => one.id === id)
    if (provider === undefined) return {}
    const name = `${provider.settingPrefix}_API_KEY`
    const answer = prompt.question(`${name} (is not shown): `)
    isShown = false
    const key = (await answer).trim()
    isShown = true
    console.log()
    return key === '' ? {} : { [name]: key }
  } finally {
    prompt.close()
  }
}
