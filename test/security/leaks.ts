/** All that came out of Router9 during a run, to be searched for what must not be in it. */
export interface Record9 {
  readonly add: (where: string, text: string) => void
  /** Reads a response to its end and keeps its status line, headers and body. */
  readonly keep: (where: string, response: Response) => Promise<string>
  /** Where each secret was found; nothing where none was. */
  readonly find: (secrets: readonly string[]) => readonly string[]
  readonly size: () => number
}

export function createRecord(): Record9 {
  const kept: { where: string; text: string }[] = []
  const add = (where: string, text: string) => {
    kept.push({ where, text })
  }
  return {
    add,
    keep: async (where, response) => {
      const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n')
      // A stream that breaks has said what it has said.
      const body = await readAll(response)
      add(where, `${response.status} ${response.statusText}\n${headers}\n\n${body}`)
      return body
    },
    find: (secrets) =>
      kept.flatMap(({ where, text }) =>
        secrets.flatMap((secret) =>
          formsOf(secret)
            .filter((form) => text.includes(form))
            .slice(0, 1)
            .map((form) => `${form} in ${where}: …${around(text, form)}…`),
        ),
      ),
    size: () => kept.length,
  }
}

async function readAll(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const piece of response.body ?? []) text += decoder.decode(piece, { stream: true })
  } catch {
    return text
  }
  return text
}

/** A secret as it is, and as it would look in an address or in Base64; its greater part is as bad as the whole. */
function formsOf(secret: string): string[] {
  const half = Math.max(12, Math.ceil(secret.length * 0.6))
  const parts = secret.length > half ? [secret.slice(0, half), secret.slice(-half)] : [secret]
  return [...new Set([...parts, encodeURIComponent(secret), btoa(secret)])]
}

function around(text: string, form: string): string {
  const at = text.indexOf(form)
  return text.slice(Math.max(0, at - 60), at + form.length + 20)
}
