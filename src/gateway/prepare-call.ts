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
  const isForReasoning = isCount === true || (carriesReasoning === true && traits.reasoning)
  const format = formatFor(provider, target, source, isForReasoning)
  const isTranslated = source !== undefined && format.name !== source.format
  const call: Call = {
    chat: chatInVariant(target, provider, chat),
    source: isTranslated ? undefined : source,
    model: upstreamModelOf(target, provider),
    stream: chat.stream === true,
    traits,
    header,
    sessionKey,
    promptTokens,
    newId: newCallId,
  }
  const prepared = isTranslated ? prepareTranslated(call, source, { format, target, provider }) : format.prepare(call)
  const [lost] = prepared.dropped
  if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupportedParameter(lost)
  return {
    request: prepared.request,
    dropped: prepared.dropped,
    requestAfter: prepared.requestAfter,
    streamReader: prepared.streamReader,
    readAnswer: prepared.readAnswer,
    count: prepared.count,
    framing: format.framing,
    isFurtherFormat: format !== provider.provider.format && target.deployment.format === undefined,
  } satisfies Record<keyof AttemptCall, unknown>
}

function newCallId(): string {
  return `call_${randomText(24)}`
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
  source: RequestSource | undefined,
  isForReasoning: boolean,
): BoundFormat {
  const { format: only } = target.deployment
  if (only !== undefined) return formatNamed(provider, only)
  // In the client's own format nothing is lost.
  const same = clientsOwnFormat(provider, target, source)
  if (same !== undefined) return same
  const { format: usual, moreFormats, reasoningFormat } = provider
  const searching = source?.requiresSearch && !canSearchWeb(target) && moreFormats?.find(({ hasSearch }) => hasSearch)
  if (searching) return searching
  return isForReasoning && reasoningFormat !== undefined ? formatNamed(provider, reasoningFormat) : usual
}

/** The format of this name, or the usual one where the provider has none of it. */
function formatNamed({ format: usual, moreFormats }: BoundFormats, wanted: string): BoundFormat {
  return moreFormats?.find(({ name }) => name === wanted) ?? usual
}

/** The format that the client spoke, where this deployment can be asked in it. */
function clientsOwnFormat(
  provider: BoundFormats,
  { deployment: { upstreamModel } }: Target,
  source: RequestSource | undefined,
): BoundFormat | undefined {
  if (source === undefined) return undefined
  const same = formatNamed(provider, source.format)
  if (same.name !== source.format || same.models?.test(upstreamModel) === false) return undefined
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

/** The chat in the variant that was asked for, where the provider knows that by a parameter and not by the model's name. */
function chatInVariant({ variant }: Target, { provider }: ConfiguredProvider, chat: Chat): Chat {
  if (variant !== 'online' || provider.variants === true || chat.web_search_options) return chat
  return { ...chat, web_search_options: {} }
}
