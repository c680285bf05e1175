import type { BoundFormat, Provider } from '../catalog/providers.ts'
import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { HeaderReader, PreparedCall, RequestSource } from '../formats/format.ts'
import { unsupportedParameter } from '../formats/shared/parts.ts'
import { randomText } from '../platform/random.ts'
import type { Target } from '../routing/target.ts'
import { canSearchWeb } from '../routing/variants.ts'
import type { Framing } from '../stream/decode.ts'
import { checkModelInPath } from './upstream.ts'

/** What a deployment's own request is made from. */
export interface PrepareInput {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly chat: Chat
  readonly source?: RequestSource | undefined
  readonly carriesReasoning?: boolean | undefined
  /** The prompt is only counted, so the format that reasoning needs serves models without reasoning too. */
  readonly isCount?: boolean | undefined
  readonly sessionKey?: string | undefined
  readonly promptTokens: () => number
  readonly header: HeaderReader
}

/** A request ready to be sent, and how the stream that answers it is framed. */
export interface AttemptCall extends PreparedCall {
  readonly framing: Framing
  /** It goes to an endpoint that the provider may lack, although it has the one for chats. */
  readonly isFurtherFormat: boolean
}

/** The request in the deployment's own format, or why it has none for it. */
export function prepareCall(input: PrepareInput): AttemptCall | Failure {
  try {
    return prepare(input)
  } catch (error) {
    // Only nesting that exhausts the stack fails in JSON.stringify.
    if (error instanceof RangeError) return new Failure('invalid-json', 'The request body is nested too deeply.')
    if (error instanceof Failure) return error.withoutSecret(input.provider.secret)
    throw error
  }
}

function prepare({
  target,
  provider,
  chat,
  source,
  carriesReasoning,
  isCount,
  sessionKey,
  promptTokens,
  header,
}: PrepareInput): AttemptCall {
  const { traits, upstreamModel } = target.deployment
  checkModelInPath(provider, upstreamModel)
  const newId = () => `call_${randomText(24)}`
  const wanted = applyVariant(target, provider, chat)
  const call = { ...wanted, stream: chat.stream === true, traits, promptTokens, header, newId, sessionKey }
  const format = formatFor(provider, target, { source, carriesReasoning, isCount })
  const isSame = format.name === source?.format
  const prepared =
    isSame || source === undefined
      ? format.prepare({ ...call, source })
      : prepareTranslated(call, source, { format, target, provider })
  const { dropped } = prepared
  const [lost] = dropped
  if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupportedParameter(lost)
  const isFurtherFormat = format !== provider.provider.format && target.deployment.format === undefined
  return { ...prepared, framing: format.framing, isFurtherFormat }
}

type Call = Parameters<BoundFormat['prepare']>[0]

/** Writes a request that came in a format which the deployment does not speak. @throws Failure where it lacks what is needed. */
function prepareTranslated(
  call: Call,
  { requires, requiresSearch, offersSearch, dropped = [] }: RequestSource,
  { format, target, provider }: Pick<PrepareInput, 'target' | 'provider'> & { readonly format: BoundFormat },
): PreparedCall {
  if (requires !== undefined) throw requires
  const canSearch = canSearchWeb(target)
  if (requiresSearch !== undefined && !canSearch && format.hasSearch !== true) throw requiresSearch
  const left = [...dropped]
  let { chat } = call
  if (offersSearch !== undefined && canSearch && provider.provider.searchesBesideTools === true) {
    chat = { ...chat, web_search_options: offersSearch.web_search_options }
  } else if (offersSearch !== undefined) left.push(offersSearch.path)
  const prepared = format.prepare({ ...call, chat })
  return { ...prepared, dropped: [...left, ...prepared.dropped] }
}

/** The format that a deployment is asked in. */
function formatFor(
  { provider }: ConfiguredProvider,
  target: Target,
  { source, carriesReasoning, isCount }: Pick<PrepareInput, 'source' | 'carriesReasoning' | 'isCount'>,
): BoundFormat {
  const { format: only, traits } = target.deployment
  const { format: usual, moreFormats = [], reasoningFormat } = provider
  const named = (name: string) => moreFormats.find((format) => format.name === name) ?? usual
  if (only !== undefined) return named(only)
  // In the client's own format nothing is lost.
  const same = clientsOwnFormat(provider, target, source)
  if (same !== undefined) return same
  const searching = source?.requiresSearch && !canSearchWeb(target) && moreFormats.find(({ hasSearch }) => hasSearch)
  if (searching) return searching
  const isForReasoning = isCount === true || (carriesReasoning === true && traits.reasoning)
  return isForReasoning && reasoningFormat !== undefined ? named(reasoningFormat) : usual
}

/** The format that the client spoke, where this deployment can be asked in it. */
function clientsOwnFormat(
  { format, moreFormats = [] }: BoundFormats,
  { deployment: { upstreamModel } }: Target,
  source: RequestSource | undefined,
): BoundFormat | undefined {
  if (source === undefined) return undefined
  const same = format.name === source.format ? format : moreFormats.find(({ name }) => name === source.format)
  if (same === undefined || same.models?.test(upstreamModel) === false) return undefined
  return same.onlyWhereRequired === true && source.requires === undefined ? undefined : same
}

type BoundFormats = Pick<Provider, 'format' | 'moreFormats'>

/** Whether the deployment is asked for this at an endpoint beside that for chats, with a health of its own. */
export function hasOwnHealth(provider: BoundFormats, target: Target, source: RequestSource | undefined): boolean {
  return target.deployment.format === undefined && clientsOwnFormat(provider, target, source)?.hasOwnHealth === true
}

/** The provider's name for a model in the variant that was asked for. */
export function upstreamModelOf({ deployment, variant }: Target, { provider }: ConfiguredProvider): string {
  const { upstreamModel } = deployment
  return variant !== undefined && provider.variants === true ? `${upstreamModel}:${variant}` : upstreamModel
}

/** The model and the chat in the variant that was asked for: some providers know it by name, the others by a parameter. */
function applyVariant(target: Target, provider: ConfiguredProvider, chat: Chat) {
  const { variant } = target
  const model = upstreamModelOf(target, provider)
  if (variant === undefined || provider.provider.variants === true) return { chat, model }
  if (variant !== 'online' || chat.web_search_options) return { chat, model }
  return { chat: { ...chat, web_search_options: {} }, model }
}
