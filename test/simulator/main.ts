import { parseArgs } from 'node:util'
import { startSimulator } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, host: { type: 'string' } } })
const port = Number(values.port ?? 0)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port must be a port number, not ${values.port}`)
  process.exit(1)
}

const simulator = await startSimulator({ port, host: values.host ?? '127.0.0.1' })
console.log(`provider simulator on ${simulator.url}`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    simulator.close().then(() => process.exit(0))
  })
}
