import { readdir, readFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { listen } from './listen.ts'

/** A D1 database with the tables of usage for plain workerd, over the wire that its binding speaks. */
export interface UsageDatabase {
  readonly port: number
  /** Rows of a query. */
  readonly query: (sql: string) => Record<string, unknown>[]
  readonly close: () => Promise<void>
}

interface Statement {
  readonly sql: string
  readonly params?: readonly SQLInputValue[]
}

const MIGRATIONS = path.resolve(import.meta.dirname, '../../src/usage/migrations')

/** Starts one in memory. Under miniflare there is the platform's own (`platform-worker.ts`). */
export async function startUsageDatabase(): Promise<UsageDatabase> {
  const database = new DatabaseSync(':memory:')
  for (const file of (await readdir(MIGRATIONS)).sort())
    database.exec(await readFile(path.join(MIGRATIONS, file), 'utf8'))
  const server = http.createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const asked = JSON.parse(Buffer.concat(pieces).toString()) as Statement | Statement[]
    const results = [asked].flat().map(({ sql, params = [] }) => {
      const statement = database.prepare(sql)
      const columns = statement.columns().map(({ name }) => name)
      const rows = statement.all(...params).map((row) => Object.values(row))
      return { success: true, results: { columns, rows }, meta: {} }
    })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(results))
  })
  const port = await listen(server)
  return {
    port,
    query: (sql) => database.prepare(sql).all(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          database.close()
          resolve()
        })
      }),
  }
}
