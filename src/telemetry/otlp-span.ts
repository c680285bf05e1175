import { findProvider } from '../catalog/providers.ts'
import type { Usage } from '../chat/event.ts'
import { mayHoldKey, redactKeys } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { EmbeddingRequest } from '../formats/embedding-format.ts'
import type { AttemptLine, LogLine } from './log-line.ts'
import { createOutputCollector, inputMessages } from './otlp-content.ts'
import type { OtlpAttributes, OtlpValue, Trace } from './otlp-trace.ts'

const CLIENT = 3
const ERROR = 2

function text(value: string | null | undefined): OtlpValue | undefined {
  return typeof value === 'string' ? { stringValue: value } : undefined
}

function int(value: unknown): OtlpValue | undefined {
  return Number.isSafeInteger(value) ? { intValue: String(value) } : undefined
}

function double(value: number | null | undefined): OtlpValue | undefined {
  return Number.isFinite(value) ? { doubleValue: Number(value) } : undefined
}

function flag(value: boolean | undefined): OtlpValue | undefined {
  return value === undefined ? undefined : { boolValue: value }
}

function texts(values: readonly string[] | undefined): OtlpValue | undefined {
  return values && { arrayValue: { values: values.map((stringValue) => ({ stringValue })) } }
}

function toList(attributes: OtlpAttributes) {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : { key, value }))
}

/** A longer name of a conversation is not sent: it would keep the whole request in memory. */
const MAX_NAME_CHARACTERS = 256

/** Notes what a chat asks for, and its text if the operator wants it. */
export function describeChat(trace: Trace, chat: Chat, conversation: string | undefined): void {
  const { n } = chat
  trace.request = {
    'gen_ai.conversation.id':
      conversation !== undefined && conversation.length <= MAX_NAME_CHARACTERS ? text(conversation) : undefined,
    'gen_ai.request.choice.count': n === 1 ? undefined : int(n),
    'gen_ai.request.seed': int(chat.seed),
    'gen_ai.request.max_tokens': int(chat.max_completion_tokens ?? chat.max_tokens),
    'gen_ai.request.temperature': double(chat.temperature),
    'gen_ai.request.top_p': double(chat.top_p),
    'gen_ai.request.top_k': double(chat.top_k),
    'gen_ai.request.frequency_penalty': double(chat.frequency_penalty),
    'gen_ai.request.presence_penalty': double(chat.presence_penalty),
    'gen_ai.input.messages': trace.withContent ? text(inputMessages(chat.messages)) : undefined,
  }
  if (trace.withContent) trace.output = createOutputCollector()
}

/** Notes what a request for vectors asks for. Its texts are not sent. */
export function describeEmbedding(trace: Trace, { dimensions, encoding }: EmbeddingRequest): void {
  trace.request = {
    'gen_ai.embeddings.dimension.count': int(dimensions),
    'gen_ai.request.encoding_formats': texts([encoding]),
  }
}

/** The conventions' names of what an API is asked for; all others are asked for a chat. */
const OPERATIONS: ReadonlyMap<string | undefined, string> = new Map([
  ['embeddings', 'embeddings'],
  ['openai-completions', 'text_completion'],
  ['gemini', 'generate_content'],
])

/** What a span says beside the line of the log. Times are in milliseconds since 1970. */
export interface SpanInput {
  readonly trace: Trace
  readonly line: LogLine
  readonly requestId: string
  /** As the client knows the answer; undefined where there is none. */
  readonly answerId?: string | undefined
  readonly startedAt: number
  readonly usage: Usage | undefined
  /** When each attempt of the line began. */
  readonly attemptTimes: readonly (number | undefined)[]
}

/**
 * The span of a call, as OTLP's JSON: one for the whole call with all its attempts, by OpenTelemetry's conventions for
 * generative AI. What they have no name for begins with `router9.`. It holds nothing that looks like a key.
 */
export function toSpan(input: SpanInput): string {
  const { trace, line, startedAt, attemptTimes } = input
  const operation = OPERATIONS.get(line.api) ?? 'chat'
  const error = line.fault === 'left' ? undefined : line.kind
  const span = {
    attributes: toList({ ...trace.request, ...attributesOf(input, operation, error) }),
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentId,
    name: `${operation} ${line.model_asked ?? ''}`.trim(),
    kind: CLIENT,
    startTimeUnixNano: toNano(startedAt),
    endTimeUnixNano: toNano(startedAt + line.total_ms),
    events: line.attempts.map((attempt, at) => toEvent(attempt, attemptTimes[at] ?? startedAt)),
    status: error === undefined ? {} : { code: ERROR, message: error },
  }
  let json = JSON.stringify(span)
  if (mayHoldKey(json)) {
    json = JSON.stringify(span, (_, value: unknown) => (typeof value === 'string' ? redactKeys(value) : value))
  }
  // The ids of keys look like keys themselves, so this one comes in afterwards.
  const key = JSON.stringify(toList({ 'router9.key': text(line.key ?? '') })[0])
  return `${BEGIN}${key},${json.slice(BEGIN.length)}`
}

const BEGIN = '{"attributes":['

function attributesOf(
  { trace, line, requestId, answerId, usage }: SpanInput,
  operation: string,
  error: string | undefined,
): OtlpAttributes {
  const last = line.attempts.at(-1)
  const provider = line.provider ?? last?.provider
  return {
    'gen_ai.operation.name': text(operation),
    // Where nobody was asked, it is the gateway that answered.
    'gen_ai.provider.name': text(provider === undefined ? 'router9' : conventionalName(provider)),
    'gen_ai.request.model': text(line.model_asked),
    'gen_ai.request.stream': flag(line.stream),
    // The provider's own name for the model that answered.
    'gen_ai.response.model': text(line.provider === undefined ? undefined : last?.model),
    'gen_ai.response.id': text(answerId),
    'gen_ai.response.finish_reasons': texts(trace.finishReasons),
    'gen_ai.response.time_to_first_chunk': double(line.ttft_ms === undefined ? undefined : line.ttft_ms / 1000),
    'gen_ai.usage.input_tokens': int(line.prompt_tokens),
    'gen_ai.usage.output_tokens': int(line.completion_tokens),
    'gen_ai.usage.cache_read.input_tokens': int(line.cached_tokens),
    'gen_ai.usage.reasoning.output_tokens': int(usage?.completion_tokens_details?.reasoning_tokens),
    'gen_ai.output.messages': text(trace.output?.messages()),
    'error.type': text(error),
    'http.response.status_code': int(line.status),
    'router9.request': text(requestId),
    'router9.model': text(line.model),
    'router9.cost_usd': double(line.cost_usd),
    'router9.estimated': flag(line.estimated),
    'router9.left': flag(line.left || undefined),
    'router9.colo': typeof line.colo === 'string' ? text(line.colo) : undefined,
  }
}

function toEvent({ provider, model, outcome, ms, kind }: AttemptLine, at: number) {
  const attributes = toList({
    'gen_ai.provider.name': text(conventionalName(provider)),
    'gen_ai.request.model': text(model),
    'router9.outcome': text(outcome),
    'router9.ms': int(ms),
    'error.type': text(kind),
  })
  return { timeUnixNano: toNano(at), name: 'router9.attempt', attributes }
}

function conventionalName(provider: string): string {
  return findProvider(provider)?.conventionalName ?? provider
}

function toNano(ms: number): string {
  return `${Math.round(ms)}000000`
}
