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
}

/** A subject of the documentation. The script of the page adds the search and copy buttons to it. */
export function DocsPage({ contents, searchAddress, name, html, headings }: DocsPageProps) {
  const subjects = contents.flatMap((group) => group.subjects)
  const at = subjects.findIndex((subject) => subject.name === name)
  const group = contents.find((one) => one.subjects.some((subject) => subject.name === name))
  return (
    <Frame
      contents={contents}
      searchAddress={searchAddress}
      path={`/docs/${name}`}
      aside={<OnThisPage headings={headings} />}
    >
      <p class="docs-trail">
        <a href="/docs">Docs</a> / {group?.title}
      </p>
      <article class="docs-text" dangerouslySetInnerHTML={{ __html: html }} />
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

function OnThisPage({ headings }: Pick<DocsPageProps, 'headings'>) {
  const shown = headings.filter(({ depth }) => depth === 2 || depth === 3)
  if (shown.length < 2) return null
  return (
    <nav class="docs-headings" aria-label="On this page">
      <p>On this page</p>
      <ul>
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
