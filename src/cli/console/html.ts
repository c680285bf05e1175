/** A page as the browser gets it. */
export interface Html {
  readonly title: string
  readonly description?: string
  /** Addresses of its style sheets, and of its script where it has one. */
  readonly styles: readonly string[]
  readonly script?: string
  /** A small script that runs before the page is drawn. */
  readonly earlyScript: string
  /** HTML. */
  readonly content: string
}

export function htmlPage({ title, description, styles, script, earlyScript, content }: Html): string {
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title>`,
    ...(description === undefined ? [] : [`<meta name="description" content="${escapeHtml(description)}">`]),
    '<link rel="icon" href="/favicon.svg">',
    ...styles.map((url) => `<link rel="stylesheet" href="${url}">`),
    `<script src="${earlyScript}"></script>`,
    ...(script === undefined ? [] : [`<script type="module" src="${script}"></script>`]),
  ]
  return `<!doctype html>
<html lang="en">
<head>
${head.join('\n')}
</head>
<body>
<div id="root">${content}</div>
</body>
</html>
`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
