export { app as default } from './app.ts'
export { Health } from './gateway/health-object.ts'
export { Ledger } from './gateway/ledger-object.ts'
