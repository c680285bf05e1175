/** A part of the documentation's table of contents. */
export interface DocGroup {
  readonly title: string
  /** Names of files in src/docs, without `.md`, in the order in which they are read. */
  readonly subjects: readonly string[]
}

/** Every subject of src/docs stands here once; the build fails otherwise. */
export const DOC_GROUPS: readonly DocGroup[] = [
  { title: 'Begin', subjects: ['quick-start', 'models-and-auto', 'clients', 'base-urls', 'simulator'] },
  {
    title: 'Chat completions',
    subjects: ['chat-completions', 'streaming', 'tools-and-reasoning', 'parameters', 'headers', 'errors'],
  },
  {
    title: 'Other APIs',
    subjects: ['endpoints', 'responses', 'messages', 'gemini', 'text-completions', 'embeddings'],
  },
  { title: 'Keys and usage', subjects: ['keys', 'usage', 'limits', 'cost'] },
  { title: 'Routing', subjects: ['routing', 'routing-evaluation', 'providers'] },
  {
    title: 'Run it',
    subjects: [
      'deploy',
      'settings',
      'previews',
      'upgrades',
      'operations',
      'logs',
      'opentelemetry',
      'data-points',
      'performance',
    ],
  },
]
