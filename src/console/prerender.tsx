import { renderToString } from 'preact-render-to-string'
import { StartPage } from './pages/start/start-page.tsx'

/** Pages as HTML, for those who read before any script runs. The build calls these. */

export function startHtml(): string {
  return renderToString(<StartPage />)
}
