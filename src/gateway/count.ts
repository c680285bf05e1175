import { forProvider } from '../access/account-use.ts'
import { countRequest } from '../access/limits.ts'
import { Failure } from '../chat/failure.ts'
import type { ClientRequest } from '../formats/format.ts'
import { needsOf } from '../routing/needs.ts'
import { plan } from '../routing/plan.ts'
import type { Target } from '../routing/target.ts'
import { logRequest } from '../telemetry/log.ts'
import { addCallHeaders, routeNow } from './call.ts'
import type { RequestContext } from './context.ts'
import { resolveConversation } from './conversation.ts'
import { prepareCall } from './prepare-call.ts'
import { jsonResponse } from './respond.ts'
import { planInputOf } from './route.ts'
import { createSealer, NO_SEALER } from './sealer.ts'
import { askProvider, readAnswerBody } from './upstream.ts'

/** Clients count before they ask, so a count that comes late is worth less than an estimate. */
const TIMEOUT_MS = 4000
const MAX_ASKED = 2

type Body = Readonly<Record<string, unknown>>

/**
 * How long the prompt of a request is, in tokens: counted by the provider that would answer it, where that one counts for
 * others, and estimated by us where not. It counts as a request of the key, and uses no tokens.
 * @throws Failure for a request that is not valid or that nobody may answer.
 */
export async function countTokens(context: RequestContext, given: Body): Promise<Response> {
  const { caller, objects, waitUntil, format, header } = context
  const conversation = format.references && (await resolveConversation(context, format.references, given))
  const body = conversation?.body ?? given
  const sealer = format.seals === true ? await createSealer(context.key) : NO_SEALER
  const { readPrompt = format.readRequest, writeCount } = format
  if (writeCount === undefined) throw new TypeError('a format without counts has a path for them')
  const request = forProvider(readPrompt(body, { header, sealer }), context.rights)
  const chat = { ...request.chat, stream: false }
  const needs = needsOf(chat)
  const planned = plan(planInputOf(context, chat, needs))
  await countRequest(caller, objects, waitUntil)
  const { route } = await routeNow(context, { plan: planned, request: chat, needs })
  const likely = route.ranking.ranked.slice(0, MAX_ASKED).map(({ candidate }) => candidate.target)
  const counted = await firstCount(context, likely, { ...request, chat }, needs.promptTokens)
  logRequest(context.log, 200)
  const response = jsonResponse(JSON.stringify(writeCount(counted ?? needs.promptTokens())))
  addCallHeaders(response.headers, context)
  if (counted === undefined) response.headers.append('x-router9-estimated', 'true')
  return response
}

type Asked = Pick<ClientRequest, 'chat' | 'source' | 'pathOf'>

/** The count of the first that gives one; undefined where none does. @throws Failure where the request itself is at fault. */
async function firstCount(
  { settings, header, clientDisconnect }: RequestContext,
  targets: readonly Target[],
  { chat, source, pathOf }: Asked,
  promptTokens: () => number,
): Promise<number | undefined> {
  for (const target of targets) {
    const provider = settings.providers.get(target.deployment.provider)
    if (provider === undefined) continue
    // In the format that reasoning needs, since that one may have counts for every model.
    const call = prepareCall({ target, provider, chat, source, isCount: true, promptTokens, header })
    if (call instanceof Failure || call.count === undefined) continue
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS)
    const stopListening = clientDisconnect.onDisconnect(() => abort.abort())
    try {
      const { request, read } = call.count
      const response = await askProvider(provider, request(), target.deployment.upstreamModel, abort.signal)
      const tokens = read(await readAnswerBody(response, provider))
      if (Number.isSafeInteger(tokens) && tokens >= 0) return tokens
    } catch (error) {
      if (error instanceof Failure && error.fault === 'caller' && !error.failover) {
        throw error.withoutSecret(provider.secret).inWordsOf(pathOf ?? ((path) => path))
      }
    } finally {
      clearTimeout(timer)
      stopListening()
    }
  }
  return undefined
}
