import { z } from 'zod'
import { CliError } from '../arguments.ts'

/** A model at a provider, as the source describes it. */
export interface Offer {
  /** Router9's id of the provider. */
  readonly provider: string
  readonly id: string
  readonly facts: Facts
}

/** An offer that is not in the catalogue, and the reason. */
export interface LeftOut {
  readonly provider: string
  readonly id: string
  readonly reason: string
}

const count = z.number().int().nonnegative()
const dollars = z.number().nonnegative()
const modality = z.enum(['text', 'image', 'audio', 'video', 'pdf'])
const reasoningOption = z.discriminatedUnion('type', [
  z.object({ type: z.literal('toggle') }),
  z.object({ type: z.literal('effort'), values: z.array(z.string().regex(/^[a-z]+$/)).min(1) }),
  z.object({ type: z.literal('budget_tokens'), min: count.optional(), max: count.optional() }),
])

const factsSchema = z.object({
  name: z
    .string()
    .regex(/^[^|]+$/, 'is empty or holds a "|"')
    .transform((name) => name.trim().replace(/\s+/g, ' ')),
  base_model: z.string().optional(),
  release_date: z.string().regex(/^20\d\d(-\d\d){0,2}$/, 'is not a date'),
  status: z.string().optional(),
  tool_call: z.boolean().default(false),
  structured_output: z.boolean().optional(),
  temperature: z.boolean().default(false),
  reasoning: z.boolean().default(false),
  reasoning_options: z.array(reasoningOption).default([]),
  cost: z
    .object({
      input: dollars,
      output: dollars,
      cache_read: dollars.optional(),
      cached_input: dollars.optional(),
      cache_write: dollars.optional(),
    })
    .optional(),
  limit: z.object({ context: count, output: count }),
  modalities: z.object({ input: z.array(modality), output: z.array(modality) }),
})
/** What the source says about an offer, after it was checked. */
export type Facts = z.infer<typeof factsSchema>

const providersSchema = z.record(z.string(), z.object({ models: z.record(z.string(), z.unknown()) }))
const wrappedSchema = z.object({ source: z.string().optional(), providers: providersSchema })

/** From the source's id of a provider to Router9's. */
const PROVIDERS: Readonly<Record<string, string>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  mistral: 'mistral',
  deepseek: 'deepseek',
  xai: 'xai',
  groq: 'groq',
  cerebras: 'cerebras',
  togetherai: 'together',
  'fireworks-ai': 'fireworks',
  openrouter: 'openrouter',
  'cloudflare-workers-ai': 'workers-ai',
  perplexity: 'perplexity',
  moonshotai: 'moonshot',
  azure: 'azure',
  cohere: 'cohere',
}

/** Rows use these characters as separators, so an id with one of them could not be read from its row. */
const UNWRITABLE = /[|\s,]|=$/

export interface Source {
  readonly name: string | undefined
  readonly offers: readonly Offer[]
  readonly leftOut: readonly LeftOut[]
  /** Providers of Router9's that the source does not have. */
  readonly missingProviders: readonly string[]
}

/** Reads models.dev's data, in its own shape or wrapped in `providers`. @throws CliError where it has another shape. */
export function readSource(data: unknown): Source {
  const { source, providers } = unwrap(data)
  const offers: Offer[] = []
  const leftOut: LeftOut[] = []
  const missingProviders: string[] = []
  for (const [sourceId, provider] of Object.entries(PROVIDERS)) {
    const listed = Object.hasOwn(providers, sourceId) ? providers[sourceId] : undefined
    if (!listed) missingProviders.push(provider)
    for (const [id, value] of Object.entries(listed?.models ?? {})) {
      const checked = factsSchema.safeParse(value)
      if (UNWRITABLE.test(id) || id === '') leftOut.push({ provider, id, reason: 'its id cannot be written in a row' })
      else if (checked.success) offers.push({ provider, id, facts: checked.data })
      else leftOut.push({ provider, id, reason: explain(checked.error) })
    }
  }
  return { name: source, offers, leftOut, missingProviders }
}

function unwrap(data: unknown): { source: string | undefined; providers: z.infer<typeof providersSchema> } {
  const isWrapped = typeof data === 'object' && data !== null && Object.hasOwn(data, 'providers')
  const checked = isWrapped ? wrappedSchema.safeParse(data) : providersSchema.safeParse(data)
  if (!checked.success) throw new CliError(`This is not models.dev's data: ${explain(checked.error)}`)
  const providers = isWrapped ? wrappedSchema.parse(data).providers : providersSchema.parse(data)
  return { source: isWrapped ? wrappedSchema.parse(data).source : undefined, providers }
}

function explain(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`).join('; ')
}
