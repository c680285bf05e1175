import { renderToString } from 'preact-render-to-string'
import { ContentsPage, DocsPage, type DocsPageProps } from './pages/docs/docs-page.tsx'
import { StartPage } from './pages/start/start-page.tsx'
import { type OpenApi, operationsOf } from './pages/try-it/operations.ts'

/** Pages as HTML, for those who read before any script runs. The build calls these. */

export function startHtml(): string {
  return renderToString(<StartPage />)
}

export function contentsHtml(props: Pick<DocsPageProps, 'contents' | 'searchAddress'>): string {
  return renderToString(<ContentsPage {...props} />)
}

/** @param openApi the document of all operations */
export function docsHtml({ openApi, ...props }: Omit<DocsPageProps, 'operations'> & { openApi: OpenApi }): string {
  return renderToString(<DocsPage {...props} operations={operationsOf(openApi, `/docs/${props.name}`)} />)
}
