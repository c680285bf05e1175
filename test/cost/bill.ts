/** What a run has used, of everything that Cloudflare bills. */
export interface Used {
  readonly calls: number
  readonly seconds: number
  readonly cpuMs: number
  readonly kvReads: number
  readonly kvWrites: number
  /** Requests to Durable Objects, by method. */
  readonly objectRequests: Readonly<Record<string, number>>
  readonly rowsWritten: number
  /** Rows that were written to the database of usage. */
  readonly databaseRowsWritten: number
  readonly subrequests: number
  readonly logLines: number
  readonly dataPoints: number
}

export interface Item {
  readonly name: string
  /** For a million calls. */
  readonly amount: number
  /** US dollars for a million, beyond what the paid plan includes; 0 where it is free. */
  readonly price: number
  readonly dollars: number
}

/** US dollars for a million, on the paid plan, beyond what it includes. */
const PRICES = {
  requests: 0.3,
  cpuMs: 0.02,
  kvReads: 0.5,
  kvWrites: 5,
  objectRequests: 0.15,
  objectGbSeconds: 12.5,
  rowsWritten: 1,
  databaseRowsWritten: 1,
  subrequests: 0,
  logLines: 0.6,
  dataPoints: 0.25,
}

/** An object is billed for the time that it works on a request, with all of its memory; a few milliseconds is generous. */
const OBJECT_SECONDS = 0.005
const OBJECT_GB = 0.128

const MILLION = 1_000_000

/** What a million calls like those of the run use, and cost. */
export function billOf(used: Used): readonly Item[] {
  const share = (count: number) => (count / used.calls) * MILLION
  const item = (name: string, amount: number, price: number): Item => ({
    name,
    amount,
    price,
    dollars: (amount / MILLION) * price,
  })
  const requests = Object.values(used.objectRequests).reduce((sum, count) => sum + count, 0)
  return [
    item('Worker requests', MILLION, PRICES.requests),
    item('CPU milliseconds', share(used.cpuMs), PRICES.cpuMs),
    item('KV reads', share(used.kvReads), PRICES.kvReads),
    item('KV writes', share(used.kvWrites), PRICES.kvWrites),
    ...Object.entries(used.objectRequests)
      .sort()
      .map(([method, count]) => item(`Durable Object requests: \`${method}\``, share(count), PRICES.objectRequests)),
    item('Durable Object GB-seconds', share(requests) * OBJECT_SECONDS * OBJECT_GB, PRICES.objectGbSeconds),
    item('Durable Object rows written', share(used.rowsWritten), PRICES.rowsWritten),
    item('D1 rows written', share(used.databaseRowsWritten), PRICES.databaseRowsWritten),
    item('Subrequests to providers', share(used.subrequests), PRICES.subrequests),
    item('Log lines', share(used.logLines), PRICES.logLines),
    item('Data points', share(used.dataPoints), PRICES.dataPoints),
  ]
}

/** The bills side by side, as a Markdown table. */
export function billTable(bills: readonly { readonly name: string; readonly items: readonly Item[] }[]): string {
  const names = [...new Set(bills.flatMap(({ items }) => items.map(({ name }) => name)))]
  const rows = names.map((name) => {
    const found = bills.map(({ items }) => items.find((item) => item.name === name))
    const price = found.find((item) => item !== undefined)?.price ?? 0
    return [name, price === 0 ? 'free' : `$${price}`, ...found.map(amountText)]
  })
  const totals = bills.map(({ items }) => `**$${items.reduce((sum, { dollars }) => sum + dollars, 0).toFixed(2)}**`)
  const head = ['for a million calls', 'price of a million', ...bills.map(({ name }) => name)]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = ['---', ...head.slice(1).map(() => '--:')]
  return [head, rule, ...rows, ['**together**', '', ...totals]].map(line).join('\n')
}

function amountText(item: Item | undefined): string {
  if (item === undefined) return '0'
  const amount = Math.round(item.amount).toLocaleString('en')
  return item.price === 0 ? amount : `${amount} ($${item.dollars.toFixed(2)})`
}
