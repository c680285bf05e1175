import { hydrate } from 'preact'
import { signInFromAddress } from './api/session.ts'
import { StartPage } from './pages/start/start-page.tsx'

signInFromAddress()
const root = document.getElementById('root')
if (root) hydrate(<StartPage />, root)
