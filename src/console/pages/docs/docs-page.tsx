import type { ComponentChildren } from 'preact'
import { Layout } from '../../parts/layout.tsx'

export interface Subject {
  readonly name: string
  readonly title: string
  readonly summary: string
}
/** The table of contents. */
export type Contents = readonly { readonly title: string; readonly subjects: readonly Subject[] }[]

export interface DocsPageProps {
  readonly contents: Contents
  /** Where the index of the search is. */
  readonly searchAddress: string
  readonly name: string
  /** Made by the build from a file of the repository, in which HTML is text. */
  readonly html: string
  readonly headings: readonly { readonly anchor: string; readonly title: string; readonly depth: number }[]
  /** What the page is about and can be tried on it. */
  readonly operations: readonly { readonly method: string; readonly path: string }[]
}

/** A subject of the documentation. The script of the page adds the search and copy buttons to it. */
export function DocsPage({ contents, searchAddress, name, html, headings, operations }: DocsPageProps) {
  const subjects = contents.flatMap((group) => group.subjects)
  const at = subjects.findIndex((subject) => subject.name === name)
  // The first sentence says what the page is about.
  const lead = html.indexOf('</p>') + '</p>'.length
  const group = contents.find((one) => one.subjects.some((subject) => subject.name === name))
  return (
    <Frame
      contents={contents}
      searchAddress={searchAddress}
      path={`/docs/${name}`}
      aside={<OnThisPage headings={headings} hasTryIt={operations.length > 0} />}
    >
      <p class="docs-trail">
        <a href="/docs">Docs</a> / {group?.title}
      </p>
      <article class="docs-text">
        <div dangerouslySetInnerHTML={{ __html: html.slice(0, lead) }} />
        {operations.length > 0 && <TryItPlace operations={operations} />}
        <div dangerouslySetInnerHTML={{ __html: html.slice(lead) }} />
      </article>
      <nav class="docs-turn" aria-label="Previous and next">
        <Turn subject={subjects[at - 1]} label="Previous" />
        <Turn subject={subjects[at + 1]} label="Next" />
      </nav>
    </Frame>
  )
}

/** The first page: all subjects with a sentence each. */
export function ContentsPage({ contents, searchAddress }: Pick<DocsPageProps, 'contents' | 'searchAddress'>) {
  return (
    <Frame contents={contents} searchAddress={searchAddress} path="/docs">
      <h1>Documentation</h1>
      <p>
        Router9 answers OpenAI's API, and Anthropic's and Google's, with any model of any provider. Begin with the{' '}
        <a href="/docs/quick-start">quick start</a>. For tools there is an <a href="/openapi.json">OpenAPI document</a>.
      </p>
      {contents.map(({ title, subjects }) => (
        <section key={title}>
          <h2>{title}</h2>
          <dl class="docs-list">
            {subjects.map((subject) => (
              <div key={subject.name}>
                <dt>
                  <a href={`/docs/${subject.name}`}>{subject.title}</a>
                </dt>
                <dd>{subject.summary}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Frame>
  )
}

function Frame(props: {
  contents: Contents
  searchAddress: string
  path: string
  aside?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <Layout path={props.path}>
      <div class="docs">
        <div class="docs-side">
          <div id="docs-search" data-address={props.searchAddress} />
          <nav class="docs-contents" aria-label="Subjects">
            {props.contents.map(({ title, subjects }) => (
              <div key={title}>
                <p>{title}</p>
                <ul>
                  {subjects.map((subject) => (
                    <li key={subject.name}>
                      <a
                        href={`/docs/${subject.name}`}
                        aria-current={props.path === `/docs/${subject.name}` ? 'page' : undefined}
                      >
                        {subject.title}
                      </a>
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </nav>
        </div>
        <div class="docs-main">{props.children}</div>
        {props.aside}
      </div>
    </Layout>
  )
}

/** Where requests can be tried. The script of the page fills it when it is opened. */
function TryItPlace({ operations: [first, ...others] }: Pick<DocsPageProps, 'operations'>) {
  return (
    <details id="try-it" class="try-it">
      <summary>
        <strong>Try it</strong>
        {others.length === 0 ? (
          <code>
            {first?.method} {first?.path}
          </code>
        ) : (
          <span class="muted">{others.length + 1} operations</span>
        )}
      </summary>
      <div>
        <p class="muted">
          This needs JavaScript. All operations are in <a href="/openapi.json">the OpenAPI document</a>.
        </p>
      </div>
    </details>
  )
}

function OnThisPage({ headings, hasTryIt }: Pick<DocsPageProps, 'headings'> & { hasTryIt: boolean }) {
  const shown = headings.filter(({ depth }) => depth === 2 || depth === 3)
  if (shown.length < 2) return null
  return (
    <nav class="docs-headings" aria-label="On this page">
      <p>On this page</p>
      <ul>
        {hasTryIt && (
          <li>
            <a href="#try-it">Try it</a>
          </li>
        )}
        {shown.map(({ anchor, title, depth }) => (
          <li key={anchor} class={depth === 3 ? 'docs-deeper' : undefined}>
            <a href={`#${anchor}`}>{title}</a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Turn({ subject, label }: { subject: Subject | undefined; label: string }) {
  if (subject === undefined) return <span />
  return (
    <a href={`/docs/${subject.name}`} rel={label === 'Next' ? 'next' : 'prev'}>
      <span class="muted">{label}</span> {subject.title}
    </a>
  )
}
