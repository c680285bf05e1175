import { buildSite } from '../../src/cli/console/build.ts'

/** An address below the console's at which nothing is. */
export const NO_PAGE = '/console/no-such-page'

/** The addresses of all pages that the build makes: the console's and the start page, and those of the documentation. */
export async function sitePages(): Promise<{ pages: readonly string[]; documents: readonly string[] }> {
  const files = [...(await buildSite()).keys()].filter((file) => file.endsWith('.html'))
  const paths = files.map((file) =>
    file === '404.html' ? NO_PAGE : `/${file.replace(/(^|\/)index\.html$|\.html$/, '')}`,
  )
  const isDocument = (path: string) => /^\/docs\/./.test(path)
  return { pages: paths.filter((path) => !isDocument(path)), documents: paths.filter(isDocument) }
}
