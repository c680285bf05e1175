import * as z from 'zod'

// Fields that the API leaves out where they are empty may be absent; unknown ones may be there, as the client keeps them.
const count = z.int().nonnegative()
const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/)

const blob = z.object({ mimeType: z.string().regex(/^[\w.+-]+\/[\w.+*-]+/), data: base64 })
const part = z
  .object({
    text: z.string().optional(),
    thought: z.boolean().optional(),
    thoughtSignature: base64.optional(),
    inlineData: blob.optional(),
    fileData: z.object({ mimeType: z.string().optional(), fileUri: z.string().min(1) }).optional(),
    functionCall: z
      .object({ id: z.string().min(1).optional(), name: z.string().min(1), args: z.looseObject({}).optional() })
      .optional(),
    executableCode: z.object({ language: z.enum(['PYTHON', 'LANGUAGE_UNSPECIFIED']), code: z.string() }).optional(),
    codeExecutionResult: z
      .object({
        outcome: z.enum(['OUTCOME_OK', 'OUTCOME_FAILED', 'OUTCOME_DEADLINE_EXCEEDED']),
        output: z.string().optional(),
      })
      .optional(),
  })
  .refine((value) => Object.keys(value).some((name) => name !== 'thought'), 'a part holds something')

const FINISH_REASONS = [
  'STOP',
  'MAX_TOKENS',
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'OTHER',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
  'IMAGE_OTHER',
  'NO_IMAGE',
] as const

const logprob = z.object({ token: z.string(), logProbability: z.number(), tokenId: z.int().optional() })
const segment = z.object({
  partIndex: count.optional(),
  startIndex: count.optional(),
  endIndex: count,
  text: z.string().optional(),
})

const candidate = z.object({
  content: z.object({ role: z.literal('model'), parts: z.array(part).min(1) }),
  finishReason: z.enum(FINISH_REASONS).optional(),
  finishMessage: z.string().optional(),
  index: count,
  tokenCount: count.optional(),
  avgLogprobs: z.number().optional(),
  safetyRatings: z.array(z.object({ category: z.string(), probability: z.string() })).optional(),
  citationMetadata: z.object({ citations: z.array(z.looseObject({})).optional() }).optional(),
  logprobsResult: z
    .object({
      chosenCandidates: z.array(logprob),
      topCandidates: z.array(z.object({ candidates: z.array(logprob) })).optional(),
    })
    .optional(),
  groundingMetadata: z
    .object({
      webSearchQueries: z.array(z.string()).optional(),
      groundingChunks: z
        .array(z.object({ web: z.object({ uri: z.string(), title: z.string().optional() }) }))
        .optional(),
      groundingSupports: z
        .array(
          z.object({
            segment,
            groundingChunkIndices: z.array(count),
            confidenceScores: z.array(z.number()).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
})

const modality = z.array(z.object({ modality: z.string(), tokenCount: count })).optional()
const usageMetadata = z.object({
  promptTokenCount: count,
  candidatesTokenCount: count.optional(),
  totalTokenCount: count,
  thoughtsTokenCount: count.optional(),
  cachedContentTokenCount: count.optional(),
  toolUsePromptTokenCount: count.optional(),
  promptTokensDetails: modality,
  candidatesTokensDetails: modality,
})

const promptFeedback = z.object({
  blockReason: z.string().min(1),
  safetyRatings: z.array(z.looseObject({})).optional(),
})
const response = z
  .object({
    candidates: z.array(candidate).min(1).optional(),
    promptFeedback: promptFeedback.optional(),
    usageMetadata,
    modelVersion: z.string().min(1),
    responseId: z.string().min(1),
  })
  .refine((value) => value.candidates !== undefined || value.promptFeedback !== undefined, 'candidates, or why none')

const STATUS_WORDS = [
  'INVALID_ARGUMENT',
  'FAILED_PRECONDITION',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'NOT_FOUND',
  'ABORTED',
  'RESOURCE_EXHAUSTED',
  'CANCELLED',
  'INTERNAL',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
] as const

const error = z.object({
  error: z.object({
    code: z.int().min(400).max(599),
    message: z.string().min(1),
    status: z.enum(STATUS_WORDS),
    details: z.array(z.looseObject({ '@type': z.string().startsWith('type.googleapis.com/') })).optional(),
  }),
})

const SCHEMAS = { response, error, tokens: z.object({ totalTokens: count }) }

/** What breaks the type of that name in Google's client; nothing where it holds. */
export function geminiProblems(name: keyof typeof SCHEMAS, value: unknown): string[] {
  const found = SCHEMAS[name].safeParse(value)
  if (found.success) return []
  return found.error.issues.map(({ path, message }) => `${name} ${path.map(String).join('.')}: ${message}`)
}
