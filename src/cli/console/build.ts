import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type BuildOptions, build } from 'esbuild'
import { openApiDocument } from '../openapi/document.ts'
import { ROOT } from '../shared/root.ts'
import { type Contents, contentsOf, readDocuments } from './docs.ts'
import type { Section } from './document.ts'
import { type Html, htmlPage } from './html.ts'
import { searchIndex } from './search-index.ts'

const SOURCE = path.join(ROOT, 'src/console')
/** The pages of the console: each has a file of its own, so that its address can be opened directly. */
const CONSOLE_PAGES = ['play', 'health', 'calls', 'usage', 'keys', 'models']

/** What the pages consist of: the content of each file by its path. */
export type Site = Map<string, string | Uint8Array>

/** Builds all pages. Nothing is fetched. */
export async function buildSite(): Promise<Site> {
  const site: Site = new Map()
  const { scripts, styles } = await bundle(site)
  const prerender = await loadPrerender()
  const { startHtml } = prerender
  const add = (file: string, page: Omit<Html, 'styles' | 'earlyScript'>, more: readonly string[] = []) =>
    site.set(file, htmlPage({ ...page, earlyScript: scripts('theme'), styles: [styles('base'), ...more] }))
  add('index.html', { title: 'Router9', script: scripts('start'), content: startHtml() })
  for (const name of ['console', ...CONSOLE_PAGES.map((page) => `console/${page}`), '404']) {
    add(`${name}.html`, { title: 'Router9', script: scripts('console'), content: '' })
  }
  const openApi = openApiDocument()
  await addDocuments(site, prerender, openApi, (file, page) =>
    add(file, { ...page, script: scripts('docs') }, [styles('docs')]),
  )
  site.set('favicon.svg', await readFile(path.join(SOURCE, 'favicon.svg')))
  site.set('openapi.json', JSON.stringify(openApi))
  site.set('_headers', HEADERS)
  return site
}

/** Adds a page for each file of src/docs, and one that lists them. */
async function addDocuments(
  site: Site,
  { contentsHtml, docsHtml }: Prerender,
  openApi: unknown,
  add: (file: string, page: Omit<Html, 'styles' | 'earlyScript'>) => void,
): Promise<void> {
  const documents = await readDocuments()
  const contents = contentsOf(documents)
  const index = searchIndex(documents)
  const searchAddress = `/assets/search-${createHash('sha256').update(index).digest('hex').slice(0, 8)}.json`
  site.set(searchAddress.slice(1), index)
  add('docs.html', { title: 'Documentation · Router9', content: contentsHtml({ contents, searchAddress }) })
  for (const { name, title, summary, html, sections } of documents) {
    const headings = sections.map(({ anchor, title, depth }) => ({ anchor, title, depth }))
    const content = docsHtml({ contents, searchAddress, name, html, headings, openApi })
    add(`docs/${name}.html`, { title: `${title} · Router9`, description: summary, content })
  }
}

/** Writes the files that have changed, and removes those that are none any more: others may read the folder meanwhile. */
export async function writeSite(site: Site, folder: string): Promise<void> {
  for (const [name, content] of site) {
    const file = path.join(folder, name)
    const bytes = Buffer.from(content)
    const before = await readFile(file).catch(() => undefined)
    if (before?.equals(bytes)) continue
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, bytes)
  }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(folder, file).split(path.sep).join('/')
    if (entry.isFile() && !site.has(name)) await rm(file, { force: true })
  }
}

const COMMON: BuildOptions = {
  bundle: true,
  write: false,
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfig: path.join(SOURCE, 'tsconfig.json'),
  // Names of files change with the paths within it, so it is the same wherever the build is started.
  absWorkingDir: ROOT,
  logLevel: 'warning',
}

/** Scripts and styles, under names that change with their content. @returns where each entry is. */
async function bundle(site: Site): Promise<Record<'scripts' | 'styles', (name: string) => string>> {
  const { outputFiles = [], metafile } = await build({
    ...COMMON,
    entryPoints: [
      ...['theme', 'start', 'console', 'docs'].map((name) => path.join(SOURCE, `${name}.tsx`)),
      ...['base', 'docs'].map((name) => path.join(SOURCE, `style/${name}.css`)),
    ],
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    outdir: path.join(ROOT, '.console/assets'),
    target: 'es2022',
    splitting: true,
    minify: true,
    metafile: true,
  })
  for (const { path: file, contents } of outputFiles) site.set(`assets/${path.basename(file)}`, contents)
  const outputs = Object.entries(metafile?.outputs ?? {})
  const urlOf = (source: string) => {
    const [file] = outputs.find(([, { entryPoint }]) => entryPoint?.endsWith(source)) ?? []
    if (file === undefined) throw new Error(`${source} was not built.`)
    return `/assets/${path.basename(file)}`
  }
  return { scripts: (name) => urlOf(`console/${name}.tsx`), styles: (name) => urlOf(`style/${name}.css`) }
}

/** What src/console/prerender.tsx exports. */
interface Prerender {
  startHtml(): string
  contentsHtml(props: { contents: Contents; searchAddress: string }): string
  docsHtml(props: {
    contents: Contents
    searchAddress: string
    name: string
    html: string
    headings: readonly Pick<Section, 'anchor' | 'title' | 'depth'>[]
    openApi: unknown
  }): string
}

/** The components as Node runs them. */
async function loadPrerender(): Promise<Prerender> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'router9-console-'))
  try {
    const outfile = path.join(folder, 'prerender.mjs')
    await build({
      ...COMMON,
      write: true,
      platform: 'node',
      entryPoints: [path.join(SOURCE, 'prerender.tsx')],
      outfile,
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Nothing comes from elsewhere, and no page can be shown within another, or steered by the one that opened it. Names of scripts and styles change with their content. */
const HEADERS = `/*
  Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
  Cross-Origin-Opener-Policy: same-origin
  Strict-Transport-Security: max-age=31536000
/openapi.json
  Access-Control-Allow-Origin: *
/assets/*
  Cache-Control: public, max-age=31536000, immutable
`
