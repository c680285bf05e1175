import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { HeaderReader, PreparedCall, RequestSource } from '../formats/format.ts'
import { unsupportedParameter } from '../formats/shared/parts.ts'
import { randomText } from '../platform/random.ts'
import type { Target } from '../routing/target.ts'
import type { Framing } from '../stream/decode.ts'
import { checkModelInPath } from './upstream.ts'

/** What a deployment's own request is made from. */
export interface PrepareInput {
  readonly target: Target
  readonly provider: ConfiguredProvider
  readonly chat: Chat
  readonly source?: RequestSource | undefined
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

function prepare({ target, provider, chat, source, promptTokens, header }: PrepareInput): AttemptCall {
  const { traits, upstreamModel } = target.deployment
  checkModelInPath(provider, upstreamModel)
  const newId = () => `call_${randomText(24)}`
  const wanted = applyVariant(target, provider, chat)
  const call = { ...wanted, stream: chat.stream === true, traits, promptTokens, header, newId }
  const { format, moreFormats } = provider.provider
  // A provider that has the client's format too gets the request in it, because then nothing is lost.
  const same = source && moreFormats?.find(({ name }) => name === source.format)
  if (same === undefined && source?.requires !== undefined) throw unsupportedParameter(source.requires)
  const prepared = same === undefined ? format.prepare(call) : same.prepare({ ...call, source })
  const dropped = same === undefined && source?.dropped ? [...source.dropped, ...prepared.dropped] : prepared.dropped
  const [lost] = dropped
  if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupportedParameter(lost)
  return { ...prepared, dropped, framing: (same ?? format).framing, isFurtherFormat: same !== undefined }
}

/** The model and the chat in the variant that was asked for: some providers know it by name, the others by a parameter. */
function applyVariant({ deployment, variant }: Target, { provider }: ConfiguredProvider, chat: Chat) {
  const { upstreamModel: model } = deployment
  if (variant === undefined) return { chat, model }
  if (provider.variants === true) return { chat, model: `${model}:${variant}` }
  if (variant !== 'online' || chat.web_search_options) return { chat, model }
  return { chat: { ...chat, web_search_options: {} }, model }
}
