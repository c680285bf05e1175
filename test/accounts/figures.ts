import { call, newAccount, settledSums } from './clients.ts'
import type { Stage } from './stage.ts'
import type { Miss, Part } from './storms.ts'
import { counts, dollars, table } from './table.ts'

const THOUGHT_TOKENS = 30_000
/** A ledger has heard of everything after this. */
const TOLD_MS = 3000

/** Ways to spend more than a budget, or to hide what was spent. */
export async function figures(stage: Stage, isBefore: boolean): Promise<Part> {
  const rows: string[][] = []
  const misses: Miss[] = []
  const { provider, urls } = stage
  const note = async (name: string, account: Awaited<ReturnType<typeof newAccount>>, statuses: readonly number[]) => {
    const served = provider.served(account.id)
    const counted = await settledSums(stage, account, served.dollars)
    const seen: Record<string, number> = {}
    for (const status of statuses) seen[status] = (seen[status] ?? 0) + 1
    rows.push([name, counts(seen), String(served.calls), dollars(served.dollars), dollars(counted)])
    return { served, counted }
  }
  const ask = async (account: Awaited<ReturnType<typeof newAccount>>, calls: number, body: object) =>
    Promise.all(
      Array.from({ length: calls }, async (_, at) => {
        const response = await call(urls[at % urls.length] ?? '', account, body)
        await response.text()
        return response.status
      }),
    )

  provider.answer({ delayMs: 300, completionTokens: 16_000 })
  const forty = await newAccount(stage, { budget: 0.01 })
  const whole = await note('40 calls at once, budget $0.01, no max_tokens', forty, await ask(forty, 40, {}))
  if (whole.served.dollars > 0.01) misses.push(`40 calls at once cost ${dollars(whole.served.dollars)}`)

  provider.answer({ delayMs: 300 })
  const bounded = await newAccount(stage, { budget: 0.01 })
  const few = await note(
    '40 calls at once, budget $0.01, max_tokens 500',
    bounded,
    await ask(bounded, 40, { max_tokens: 500 }),
  )
  if (few.served.dollars > 0.01 || few.served.calls === 0) misses.push(`40 bounded calls: ${few.served.calls} served`)

  const unpriced = await newAccount(stage, { budget: 0.01 })
  const free = await note(
    '10 calls of a model without a price',
    unpriced,
    await ask(unpriced, 10, { model: 'custom/unknown', max_tokens: 500 }),
  )
  if (free.served.calls > 0) misses.push('a model without a price was served to a key with a budget')

  provider.answer({ delayMs: 20, completionTokens: THOUGHT_TOKENS, isThinking: true })
  const leaving = await newAccount(stage, { budget: 100 })
  const abort = new AbortController()
  const response = await call(
    urls[0] ?? '',
    leaving,
    { model: 'openai/o3', stream: true, max_tokens: 40_000 },
    abort.signal,
  )
  await response.body?.getReader().read()
  abort.abort()
  await stage.wait(TOLD_MS)
  const left = await note('leaves before the usage, after 30,000 tokens unseen', leaving, [response.status])
  if (left.counted === 0) misses.push('a client that left has paid nothing')

  provider.answer({
    delayMs: 20,
    completionTokens: 2,
    usageText: '{"prompt_tokens":1e999,"completion_tokens":1e999,"total_tokens":1e999}',
  })
  const endless = await newAccount(stage, { budget: 0.01 })
  const first = await ask(endless, 1, { max_tokens: 500 })
  await stage.wait(TOLD_MS)
  provider.answer({ delayMs: 20, completionTokens: 500 })
  const more = []
  for (let at = 0; at < 10; at++) more.push(...(await ask(endless, 1, { max_tokens: 500 })))
  const broken = await note('usage 1e999, then 10 calls of $0.005, budget $0.01', endless, [...first, ...more])
  if (!Number.isFinite(broken.counted) || more.filter((status) => status === 200).length > 2)
    misses.push('a broken usage opened a budget')

  const head = ['what', 'answers', 'provider served', 'provider charged', 'ledger counted']
  return { text: table(`What a budget holds${isBefore ? ', before' : ''}`, head, rows), misses }
}
