export { Ledger } from './access/ledger-object.ts'
export { app as default } from './app.ts'
export { Conversations } from './conversations/conversations-object.ts'
export { Health } from './gateway/health-object.ts'
