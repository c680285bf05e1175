import { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { HeaderReader, PreparedCall, RequestSource } from '../formats/format.ts'
import { unsupportedParameter } from '../formats/shared/parts.ts'
import { randomText } from '../platform/random.ts'
import type { Target } from '../routing/plan.ts'
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

/** The request in the deployment's own format, or why it has none for it. */
export function prepareCall(input: PrepareInput): PreparedCall | Failure {
  try {
    return prepare(input)
  } catch (error) {
    // Only nesting that exhausts the stack fails in JSON.stringify.
    if (error instanceof RangeError) return new Failure('invalid-json', 'The request body is nested too deeply.')
    if (error instanceof Failure) return error.withoutSecret(input.provider.secret)
    throw error
  }
}

function prepare({ target, provider, chat, promptTokens, header }: PrepareInput): PreparedCall {
  const { traits, upstreamModel } = target.deployment
  checkModelInPath(provider, upstreamModel)
  const newId = () => `call_${randomText(24)}`
  const wanted = applyVariant(target, provider, chat)
  const call = { ...wanted, stream: chat.stream === true, traits, promptTokens, header, newId }
  const prepared = provider.provider.format.prepare(call)
  const [lost] = prepared.dropped
  if (lost !== undefined && chat.provider?.require_parameters === true) throw unsupportedParameter(lost)
  return prepared
}

/** The model and the chat in the variant that was asked for: some providers know it by name, the others by a parameter. */
function applyVariant({ deployment, variant }: Target, { provider }: ConfiguredProvider, chat: Chat) {
  const { upstreamModel: model } = deployment
  if (variant === undefined) return { chat, model }
  if (provider.variants === true) return { chat, model: `${model}:${variant}` }
  if (variant !== 'online' || chat.web_search_options) return { chat, model }
  return { chat: { ...chat, web_search_options: {} }, model }
}
