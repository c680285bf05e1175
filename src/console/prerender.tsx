import { renderToString } from 'preact-render-to-string'
import { ContentsPage, DocsPage, type DocsPageProps } from './pages/docs/docs-page.tsx'
import { StartPage } from './pages/start/start-page.tsx'

/** Pages as HTML, for those who read before any script runs. The build calls these. */

export function startHtml(): string {
  return renderToString(<StartPage />)
}

export function contentsHtml(props: Pick<DocsPageProps, 'contents' | 'searchAddress'>): string {
  return renderToString(<ContentsPage {...props} />)
}

export function docsHtml(props: DocsPageProps): string {
  return renderToString(<DocsPage {...props} />)
}
