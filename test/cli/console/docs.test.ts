import { expect, test } from 'vitest'
import { buildSite } from '../../../src/cli/console/build.ts'
import { renderDocument } from '../../../src/cli/console/document.ts'

const site = await buildSite()
const pages = [...site].flatMap(([file, content]) => (file.endsWith('.html') ? [{ file, html: String(content) }] : []))
const documents = pages.filter(({ file }) => /^docs[./]/.test(file))

/** The file behind an address of the site. */
function fileAt(address: string): string | undefined {
  const plain = address.slice(1)
  return [plain, `${plain}.html`, 'index.html'].find(
    (file) => (plain !== '' || file === 'index.html') && site.has(file),
  )
}

test('every link and every file that the documentation names is there, with its anchor', () => {
  expect(documents.length).toBeGreaterThan(30)
  const dead: string[] = []
  for (const { file, html } of documents) {
    for (const [, address = ''] of html.matchAll(/ (?:href|src)="([^"]*)"/g)) {
      if (/^https?:/.test(address)) continue
      const [target = '', anchor] = address.split('#')
      const found = target === '' ? file : target.startsWith('/') ? fileAt(target) : undefined
      const content = found === undefined ? undefined : String(site.get(found))
      if (content === undefined || (anchor !== undefined && !content.includes(` id="${anchor}"`))) {
        dead.push(`${file}: ${address}`)
      }
    }
  }
  expect(dead).toEqual([])
})

test('every page that the OpenAPI document names is there, with its anchor, and pages of any origin may load it', () => {
  const text = String(site.get('openapi.json'))
  expect(JSON.parse(text)).toMatchObject({ openapi: '3.1.1', servers: [{ url: '/' }] })
  const addresses = new Set([...text.matchAll(/["(](\/docs[^")]*)[")]/g)].map(([, address = '']) => address))
  expect(addresses.size).toBeGreaterThan(15)
  const dead = [...addresses].filter((address) => {
    const [target = '', anchor] = address.split('#')
    const content = site.get(fileAt(target) ?? '')
    return content === undefined || (anchor !== undefined && !String(content).includes(` id="${anchor}"`))
  })
  expect(dead).toEqual([])
  expect(site.get('_headers')).toContain('/openapi.json\n  Access-Control-Allow-Origin: *\n')
})

test('no page of the documentation has a style or a script of its own, or the same id twice', () => {
  for (const { file, html } of documents) {
    expect(html.match(/ style=| on\w+="|<script(?! (?:type="module" )?src="\/assets\/)|<style/g), file).toBeNull()
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids.length, file).toBe(new Set(ids).size)
  }
})

test('anchors are those that GitHub makes', () => {
  const { sections } = renderDocument(
    'a',
    '# `auto` & more: what?\n\n## Two_words – x-y\n\n## Two_words – x-y\n\n### Ünder 2.0',
  )
  expect(sections.map(({ anchor }) => anchor)).toEqual([
    'auto--more-what',
    'two_words--x-y',
    'two_words--x-y-1',
    'ünder-20',
  ])
})

test('HTML in a document is text, a comment nothing, and a link can run no script', () => {
  const markdown =
    '# A\n\n<img src=x onerror=alert(1)> in a <b>line</b>\n\n<!-- not seen -->\n\n<script>alert(2)</script>\n\n[a](javascript:alert) `<i>`\n'
  const { html, sections } = renderDocument('a', markdown)
  expect(html.match(/<(?!\/?(?:h1|p|code|a)\b)/g)).toBeNull()
  expect(html).not.toMatch(/not seen|href="(?!https?:|\/docs|#)/)
  expect(sections[0]?.text).toContain('<script>alert(2)</script>')
})

test('links between documents lead to their pages, and files of the repository are named', () => {
  const { html } = renderDocument(
    'a',
    '# A\n\n[k](keys.md#teams), [r](README.md), [c](../README.md#words), [x](https://a.example)',
  )
  expect(html).toContain('<a href="/docs/keys#teams">k</a>, <a href="/docs">r</a>, c (<code>src/README.md</code>)')
  expect(html).toContain('<a href="https://a.example">x</a>')
})
