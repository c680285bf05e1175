import path from 'node:path'
import { Marked, type Tokens } from 'marked'
import { escapeHtml } from './html.ts'

/** A heading and what stands below it until the next one: what the search finds. */
export interface Section {
  /** Empty for what stands before the first heading. */
  readonly anchor: string
  readonly title: string
  readonly depth: number
  readonly text: string
}

/** A file of src/docs as a page. */
export interface Document {
  /** The name of the file without `.md`, and of the page below `/docs/`. */
  readonly name: string
  readonly title: string
  /** Its first sentence. */
  readonly summary: string
  readonly html: string
  /** The first is the title's. */
  readonly sections: readonly Section[]
}

/** Renders a file of src/docs. HTML in it is shown as text; comments are left out. */
export function renderDocument(name: string, markdown: string): Document {
  const sections: { -readonly [Member in keyof Section]: Section[Member] }[] = []
  const anchorOf = createAnchors()
  let tables = 0
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth }) {
        const title = this.parser.parseInline(tokens, this.parser.textRenderer)
        const anchor = anchorOf(title)
        sections.push({ anchor, title, depth, text: '' })
        const content = this.parser.parseInline(tokens)
        if (depth === 1) return `<h1 id="${anchor}">${content}</h1>\n`
        const label = escapeHtml(`Link to: ${title}`)
        return `<h${depth} id="${anchor}">${content} <a class="docs-anchor" href="#${anchor}" aria-label="${label}">#</a></h${depth}>\n`
      },
      table(token) {
        tables++
        const label = escapeHtml(`Table ${tables}: ${sections.at(-1)?.title ?? name}`)
        return `<div class="table-box" tabindex="0" role="region" aria-label="${label}">\n${tableHtml(token, (cell) => this.parser.parseInline(cell.tokens))}</div>\n`
      },
      code({ text, lang = '' }) {
        return `<div class="docs-code"><pre tabindex="0"><code data-language="${escapeHtml(lang)}">${escapeHtml(text)}\n</code></pre></div>\n`
      },
      link({ href, tokens }) {
        const content = this.parser.parseInline(tokens)
        const { url, source } = addressOf(href)
        // Other files of the repository are not served.
        if (url === undefined) return `${content} (<code>${escapeHtml(source)}</code>)`
        return `<a href="${escapeHtml(url)}">${content}</a>`
      },
      image({ text }) {
        return escapeHtml(text)
      },
      html({ text }) {
        return text.trimStart().startsWith('<!--') ? '' : escapeHtml(text)
      },
    },
  })
  let html = ''
  for (const token of marked.lexer(markdown)) {
    const part = marked.parser([token])
    html += part
    const section = sections.at(-1)
    if (section !== undefined && token.type !== 'heading') section.text += ` ${textOf(part)}`
  }
  for (const section of sections) section.text = section.text.replace(/\s+/g, ' ').trim()
  const [first] = sections
  const [, summary = ''] = /<p>(.*?)<\/p>/s.exec(html) ?? []
  return { name, title: first?.title ?? name, summary: textOf(summary).replace(/\s+/g, ' ').trim(), html, sections }
}

/** More characters than this are sentences, which want a column that is wide enough to read. */
const LONG_CELL = 60

function tableHtml({ header, rows }: Tokens.Table, contentOf: (cell: Tokens.TableCell) => string): string {
  const cells = (row: readonly Tokens.TableCell[], tag: string) =>
    `<tr>${row
      .map((cell) => {
        const content = contentOf(cell)
        // A head without words is no head to a screen reader.
        const name = tag === 'th' && content === '' ? 'td' : tag
        const kind = cell.align === 'right' ? 'number' : cell.text.length > LONG_CELL ? 'docs-long' : ''
        return `<${name}${kind && ` class="${kind}"`}>${content}</${name}>`
      })
      .join('')}</tr>\n`
  return `<table>\n<thead>\n${cells(header, 'th')}</thead>\n<tbody>\n${rows.map((row) => cells(row, 'td')).join('')}</tbody>\n</table>\n`
}

/** Where a link leads within the pages; for other files of the repository, which file that is. */
function addressOf(href: string): { url: string; source?: never } | { url?: never; source: string } {
  if (/^(https?:|#)/.test(href)) return { url: href }
  const [file = '', anchor] = href.split('#')
  const source = path.posix.join('src/docs', file)
  const [, name] = /^src\/docs\/([\w-]+)\.md$/.exec(source) ?? []
  if (name === undefined) return { source }
  return { url: `${name === 'README' ? '/docs' : `/docs/${name}`}${anchor === undefined ? '' : `#${anchor}`}` }
}

/** Anchors as GitHub makes them: links between the files are written for those. */
function createAnchors(): (title: string) => string {
  const times = new Map<string, number>()
  return (title) => {
    const anchor = title
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    const before = times.get(anchor) ?? 0
    times.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** What HTML says, without its tags. */
function textOf(html: string): string {
  return html
    .replace(/<\/?(?:td|th|tr|p|li|pre|div|br)\b[^>]*>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(\w+|#39);/g, (all, name: string) => ENTITIES[name] ?? all)
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}
