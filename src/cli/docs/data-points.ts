import { BLOBS, DOUBLES } from '../../telemetry/analytics.ts'

const DATASET = 'router9'

/** What each column holds. Here, because the Worker needs the columns only. */
const MEANINGS: Readonly<Record<'key' | (typeof BLOBS)[number] | (typeof DOUBLES)[number], string>> = {
  key: "the key's id; `none` where the call was refused before it was known",
  model_asked: 'the model that the request named, cut at 100 characters',
  model: 'the model that answered; empty where none did',
  provider: 'the provider that answered; empty where none did',
  status: 'the HTTP status; 499 where the client disconnected before one was sent',
  code: 'the code of the error, as the client got it; empty where a provider has written a sentence there',
  kind: 'the kind of failure, more exact than the code',
  fault:
    'whose fault: `caller`, `provider`, `timeout`, `limit` (a provider limits us), `config` (our account there), `gateway`, `left` (the client disconnected)',
  stream: '`true` or `false`',
  left: '`true` where the client disconnected before the end',
  colo: 'the Cloudflare data centre that took the call',
  failed_attempts: 'attempts that failed, seen by the client or not: `openai:overloaded,azure:provider-timeout`',
  prompt_tokens: 'as in the usage of the answer',
  completion_tokens: 'as in the usage of the answer',
  cached_tokens: 'those of the prompt tokens that the provider had cached',
  cost_usd: "by the catalogue's prices; 0 where it knows none",
  ttft_ms: 'from the call to the first meaningful event of a stream; 0 where there was none',
  total_ms: 'from the call to the end of its answer',
  attempts: 'attempts that were made',
}

type Column = keyof typeof MEANINGS

const COLUMNS: ReadonlyMap<Column, string> = new Map<Column, string>([
  ['key', 'index1'],
  ...BLOBS.map((name, at) => [name, `blob${at + 1}`] as const),
  ...DOUBLES.map((name, at) => [name, `double${at + 1}`] as const),
])

/** Three questions that operators have, in Analytics Engine's SQL. A sampled row counts for as many as it stands for. */
export const QUERIES: readonly { readonly title: string; readonly sql: string }[] = [
  {
    title: 'Spend by key, the last 30 days',
    sql: `SELECT ${as('key')},
  SUM(_sample_interval * ${at('cost_usd')}) AS dollars,
  SUM(_sample_interval * ${at('prompt_tokens')}) AS prompt,
  SUM(_sample_interval * ${at('completion_tokens')}) AS completion,
  SUM(_sample_interval) AS requests
FROM ${DATASET}
WHERE timestamp > NOW() - INTERVAL '30' DAY
GROUP BY key
ORDER BY dollars DESC`,
  },
  {
    title: 'Time to first token by provider, the last day',
    sql: `SELECT ${as('provider')},
  quantileExactWeighted(0.5)(${at('ttft_ms')}, _sample_interval) AS p50_ms,
  quantileExactWeighted(0.95)(${at('ttft_ms')}, _sample_interval) AS p95_ms,
  SUM(_sample_interval) AS streams
FROM ${DATASET}
WHERE timestamp > NOW() - INTERVAL '1' DAY AND ${at('ttft_ms')} > 0
GROUP BY provider
ORDER BY p95_ms DESC`,
  },
  {
    title: 'Errors by class, the last hour',
    sql: `SELECT ${as('fault')}, ${as('kind')}, ${as('status')},
  SUM(_sample_interval) AS requests
FROM ${DATASET}
WHERE timestamp > NOW() - INTERVAL '1' HOUR AND ${at('kind')} != ''
GROUP BY fault, kind, status
ORDER BY requests DESC`,
  },
]

function at(column: Column): string {
  return COLUMNS.get(column) ?? ''
}

function as(column: Column): string {
  return `${at(column)} AS ${column}`
}

/** What is in which column, and the queries: for `src/docs/data-points.md`. */
export function dataPointsPart(): string {
  const rows = [...COLUMNS].map(([name, column]) => `| \`${column}\` | \`${name}\` | ${MEANINGS[name]} |`)
  const queries = QUERIES.flatMap(({ title, sql }) => ['', `${title}:`, '', '```sql', sql, '```'])
  return ['| column | name | |', '| --- | --- | --- |', ...rows, ...queries].join('\n')
}
