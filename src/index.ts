export { Ledger } from './access/ledger-object.ts'
export { app as default } from './app.ts'
export { Health } from './gateway/health-object.ts'
