import * as z from 'zod'

/** What OpenAI takes: its own reference, as far as Router9 uses it. */
const openaiText = z.strictObject({ type: z.literal('text'), text: z.string() })
const openaiPart = z.discriminatedUnion('type', [
  openaiText,
  z.strictObject({ type: z.literal('image_url'), image_url: z.strictObject({ url: z.string().min(1) }) }),
  z.strictObject({
    type: z.literal('input_audio'),
    input_audio: z.strictObject({ data: z.string(), format: z.string() }),
  }),
  z.strictObject({ type: z.literal('file'), file: z.looseObject({}) }),
])
const openaiCall = z.strictObject({
  id: z.string(),
  type: z.literal('function').optional(),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
})
const openaiMessage = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.union([z.string(), z.array(openaiText)]) }),
  z.strictObject({ role: z.literal('user'), content: z.union([z.string(), z.array(openaiPart)]) }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(openaiText), z.null()]).optional(),
    tool_calls: z.array(openaiCall).min(1).optional(),
  }),
  z.strictObject({
    role: z.literal('tool'),
    tool_call_id: z.string(),
    content: z.union([z.string(), z.array(openaiPart)]),
  }),
])
const openaiTool = z.strictObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) })

export const openaiRequest = z.strictObject({
  model: z.literal('theirs'),
  messages: z.array(openaiMessage).min(1),
  tools: z.array(openaiTool).min(1).optional(),
  tool_choice: z.unknown().optional(),
  parallel_tool_calls: z.boolean().optional(),
  response_format: z.looseObject({ type: z.string() }).optional(),
  stop: z.union([z.string(), z.array(z.string())]).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_tokens: z.int().min(1).optional(),
  reasoning_effort: z.string().optional(),
})

/** What OpenAI's Responses take (translation 5.1, 5.2). */
const responsesInput = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('input_text'), text: z.string() }),
      z.strictObject({ type: z.literal('input_image'), image_url: z.string().min(1), detail: z.string() }),
      z.strictObject({
        type: z.literal('input_file'),
        file_data: z.string().optional(),
        file_url: z.string().optional(),
        file_id: z.string().optional(),
        filename: z.string().optional(),
      }),
    ]),
  ),
])
const responsesOutput = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('output_text'), text: z.string() }),
  z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
])
const callId = z.string().max(64)
const responsesItem = z.union([
  z.strictObject({ role: z.enum(['user', 'system', 'developer']), content: responsesInput }),
  z.strictObject({ role: z.literal('assistant'), content: z.array(responsesOutput).min(1) }),
  z.strictObject({ type: z.literal('function_call'), call_id: callId, name: z.string(), arguments: z.string().min(1) }),
  z.strictObject({ type: z.literal('custom_tool_call'), call_id: callId, name: z.string(), input: z.string() }),
  z.strictObject({
    type: z.enum(['function_call_output', 'custom_tool_call_output']),
    call_id: callId,
    output: responsesInput,
  }),
  z.strictObject({ type: z.literal('reasoning'), summary: z.array(z.unknown()), encrypted_content: z.string() }),
])

export const responsesRequest = z.strictObject({
  model: z.literal('theirs'),
  input: z.array(responsesItem).min(1),
  store: z.literal(false),
  include: z.array(z.string()).min(1).optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        name: z.string(),
        description: z.string().optional(),
        parameters: z.looseObject({}),
        strict: z.boolean(),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .union([z.enum(['auto', 'none', 'required']), z.strictObject({ type: z.literal('function'), name: z.string() })])
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  text: z.strictObject({ format: z.looseObject({ type: z.string() }) }).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_output_tokens: z.int().min(16).optional(),
  reasoning: z.strictObject({ effort: z.string().optional(), summary: z.literal('auto').optional() }).optional(),
})

/** What Perplexity takes: system messages first, then user and assistant in turns, no calls (translation 3.1). */
export const alternatingRequest = openaiRequest.refine(({ messages }) => {
  const talk = messages.slice(messages.findIndex(({ role }) => role !== 'system'))
  return messages[0] === undefined || talk.every(({ role }, at) => role === (at % 2 === 0 ? 'user' : 'assistant'))
}, 'turns')

/** What Anthropic's Messages API takes (translation 1.1, 1.2). */
const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).optional()
const anthropicText = z.strictObject({ type: z.literal('text'), text: z.string().min(1), cache_control: cacheControl })
const mediaSource = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('base64'), media_type: z.string(), data: z.string() }),
  z.strictObject({ type: z.literal('url'), url: z.string().regex(/^https:/i) }),
  z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() }),
  z.strictObject({ type: z.literal('file'), file_id: z.string() }),
])
const anthropicImage = z.strictObject({ type: z.literal('image'), source: mediaSource, cache_control: cacheControl })
const anthropicDocument = z.strictObject({
  type: z.literal('document'),
  source: mediaSource,
  title: z.string().optional(),
  cache_control: cacheControl,
})
const anthropicId = z.string().regex(/^[a-zA-Z0-9_-]+$/)
const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: anthropicId,
  content: z
    .union([z.string().min(1), z.array(z.union([anthropicText, anthropicImage, anthropicDocument])).min(1)])
    .optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
})
const userTurn = z.strictObject({
  role: z.literal('user'),
  content: z
    .array(z.discriminatedUnion('type', [anthropicText, anthropicImage, anthropicDocument, toolResult]))
    .min(1)
    .refine(
      (blocks) =>
        blocks.every(
          ({ type }, at) => type !== 'tool_result' || blocks.slice(0, at).every((block) => block.type === type),
        ),
      'tool results come first',
    ),
})
const assistantTurn = z.strictObject({
  role: z.literal('assistant'),
  content: z
    .array(
      z.discriminatedUnion('type', [
        anthropicText,
        z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().min(1) }),
        z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) }),
        z.strictObject({
          type: z.literal('tool_use'),
          id: anthropicId,
          name: z.string(),
          input: z.record(z.string(), z.unknown()),
          cache_control: cacheControl,
        }),
      ]),
    )
    .min(1),
})
const anthropicTool = z.strictObject({
  name: z.string(),
  description: z.string().min(1).optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  strict: z.boolean().optional(),
  cache_control: cacheControl,
})
const anthropicChoice = z.union([
  z.strictObject({ type: z.enum(['auto', 'any']), disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({ type: z.literal('tool'), name: z.string(), disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({ type: z.literal('none') }),
])

export const anthropicRequest = z
  .strictObject({
    model: z.literal('theirs'),
    max_tokens: z.int().min(1),
    system: z.union([z.string().min(1), z.array(anthropicText).min(1)]).optional(),
    messages: z.array(z.discriminatedUnion('role', [userTurn, assistantTurn])).min(1),
    tools: z.array(anthropicTool).min(1).optional(),
    tool_choice: anthropicChoice.optional(),
    stop_sequences: z.array(z.string().regex(/\S/)).min(1).optional(),
    temperature: z.number().min(0).max(1).optional(),
    top_p: z.number().min(0).max(1).optional(),
    thinking: z
      .union([
        z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1024) }),
        z.strictObject({ type: z.literal('adaptive'), display: z.string().optional() }),
        z.strictObject({ type: z.literal('disabled') }),
      ])
      .optional(),
    output_config: z.looseObject({}).optional(),
    stream: z.literal(true).optional(),
  })
  .refine(({ tools, tool_choice }) => tool_choice === undefined || tools !== undefined, 'a choice needs tools')
  .refine(({ temperature, top_p }) => temperature === undefined || top_p === undefined, 'newer models refuse both')
  .refine(({ thinking, max_tokens }) => thinking?.type !== 'enabled' || thinking.budget_tokens < max_tokens, 'budget')
  .refine(
    ({ messages }) => messages.every(({ role }, at) => at === 0 || messages[at - 1]?.role !== role),
    'roles alternate',
  )
  .refine(({ messages }) => {
    const last = messages.at(-1)
    const block = last?.content.at(-1)
    return last?.role !== 'assistant' || block?.type !== 'text' || block.text === block.text.trimEnd()
  }, 'a prefill does not end in white space')
  .refine(({ messages }) => messages[0]?.role === 'user', 'the user begins')

/** What Gemini's generateContent takes (translation 2.1, 2.2). */
const inlineData = z.strictObject({ mimeType: z.string().min(1), data: z.string() })
const functionResponse = z.strictObject({
  name: z.string(),
  response: z.record(z.string(), z.unknown()),
  parts: z.array(z.strictObject({ inlineData })).optional(),
})
const geminiPart = z.union([
  z.strictObject({ text: z.string().min(1) }),
  z.strictObject({ text: z.string(), thoughtSignature: z.string().min(1) }),
  z.strictObject({ inlineData }),
  z.strictObject({ fileData: z.strictObject({ fileUri: z.string().min(1), mimeType: z.string().optional() }) }),
  z.strictObject({
    functionCall: z.strictObject({ name: z.string(), args: z.record(z.string(), z.unknown()) }),
    thoughtSignature: z.string().min(1).optional(),
  }),
  z.strictObject({ functionResponse }),
])
const geminiContent = z.strictObject({ role: z.enum(['user', 'model']), parts: z.array(geminiPart).min(1) })

export const geminiRequest = z
  .strictObject({
    contents: z.array(geminiContent).min(1),
    systemInstruction: z
      .strictObject({ parts: z.array(z.strictObject({ text: z.string().min(1) })).min(1) })
      .optional(),
    tools: z
      .array(
        z.strictObject({
          functionDeclarations: z
            .array(
              z.strictObject({
                name: z.string(),
                description: z.string().min(1).optional(),
                parametersJsonSchema: z.record(z.string(), z.unknown()).optional(),
              }),
            )
            .min(1),
        }),
      )
      .length(1)
      .optional(),
    toolConfig: z
      .strictObject({
        functionCallingConfig: z.strictObject({
          mode: z.enum(['AUTO', 'ANY', 'NONE', 'VALIDATED']),
          allowedFunctionNames: z.array(z.string()).min(1).optional(),
        }),
      })
      .optional(),
    generationConfig: z.strictObject({
      maxOutputTokens: z.int().min(1).optional(),
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().optional(),
      stopSequences: z.array(z.string()).min(1).max(5).optional(),
      responseMimeType: z.literal('application/json').optional(),
      responseJsonSchema: z.record(z.string(), z.unknown()).optional(),
      thinkingConfig: z
        .union([
          z.strictObject({ thinkingLevel: z.string(), includeThoughts: z.boolean() }),
          z.strictObject({ thinkingBudget: z.int().min(0), includeThoughts: z.boolean() }),
        ])
        .optional(),
    }),
  })
  .refine(({ contents }) => {
    const answers = (at: number) => contents[at]?.parts.some((part) => 'functionResponse' in part) === true
    return contents.every(
      ({ role }, at) => at === 0 || contents[at - 1]?.role !== role || answers(at - 1) || answers(at),
    )
  }, 'turns of one role are one content')
  .refine(({ contents }) => contents[0]?.role === 'user', 'the user begins')

/** What Ollama's own chat takes (its public reference). */
const ollamaMessage = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('user'), content: z.string(), images: z.array(z.base64()).min(1).optional() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.string(),
    thinking: z.string().min(1).optional(),
    tool_calls: z
      .array(
        z.strictObject({
          function: z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
        }),
      )
      .min(1)
      .optional(),
  }),
  z.strictObject({
    role: z.literal('tool'),
    content: z.string(),
    images: z.array(z.base64()).min(1).optional(),
    tool_name: z.string().optional(),
  }),
])

export const ollamaRequest = z.strictObject({
  model: z.literal('theirs'),
  stream: z.boolean(),
  messages: z.array(ollamaMessage).min(1),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string(),
          description: z.string(),
          parameters: z.record(z.string(), z.unknown()),
        }),
      }),
    )
    .min(1)
    .optional(),
  format: z.union([z.literal('json'), z.record(z.string(), z.unknown())]).optional(),
  think: z.union([z.boolean(), z.enum(['low', 'medium', 'high'])]).optional(),
  options: z
    .strictObject({
      num_predict: z.int().min(1).optional(),
      temperature: z.number().optional(),
      top_p: z.number().optional(),
      stop: z.array(z.string()).optional(),
    })
    .optional(),
})

/** What Cohere's chat takes, version 2 (its public reference). */
const cohereText = z.strictObject({ type: z.literal('text'), text: z.string().min(1) })
const cohereImage = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string().min(1), detail: z.enum(['auto', 'low', 'high']).optional() }),
})
const cohereCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string(),
    arguments: z.string().refine((text) => /^\{/.test(text) && typeof JSON.parse(text) === 'object', 'a JSON object'),
  }),
})
const cohereMessage = z.union([
  z.strictObject({ role: z.literal('system'), content: z.string().min(1) }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string().min(1), z.array(z.discriminatedUnion('type', [cohereText, cohereImage])).min(1)]),
  }),
  z.strictObject({ role: z.literal('assistant'), content: z.string().min(1) }),
  z.strictObject({
    role: z.literal('assistant'),
    tool_calls: z.array(cohereCall).min(1),
    tool_plan: z.string().min(1).optional(),
  }),
  z.strictObject({ role: z.literal('tool'), tool_call_id: z.string(), content: z.string() }),
])
const cohereTool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string(),
    description: z.string().min(1).optional(),
    parameters: z.record(z.string(), z.unknown()),
  }),
})
const unit = z.number().min(0).max(1).optional()

export const cohereRequest = z
  .strictObject({
    model: z.literal('theirs'),
    stream: z.boolean(),
    messages: z.array(cohereMessage).min(1),
    tools: z.array(cohereTool).min(1).optional(),
    tool_choice: z.enum(['REQUIRED', 'NONE']).optional(),
    strict_tools: z.boolean().optional(),
    response_format: z
      .strictObject({ type: z.literal('json_object'), json_schema: z.record(z.string(), z.unknown()).optional() })
      .optional(),
    max_tokens: z.int().min(1).optional(),
    stop_sequences: z.array(z.string()).min(1).max(5).optional(),
    temperature: unit,
    presence_penalty: unit,
    frequency_penalty: unit,
    p: z.number().min(0.01).max(0.99).optional(),
    k: z.number().min(0).max(500).optional(),
    seed: z.int().optional(),
    thinking: z
      .union([
        z.strictObject({ type: z.literal('enabled'), token_budget: z.int().min(1) }),
        z.strictObject({ type: z.literal('disabled') }),
      ])
      .optional(),
  })
  .refine(({ tools, tool_choice }) => tool_choice === undefined || tools !== undefined, 'a choice needs tools')
  .refine(({ tools, strict_tools }) => strict_tools === undefined || tools !== undefined, 'strictness needs tools')
  .refine(({ tools, response_format }) => response_format === undefined || tools === undefined, 'JSON beside tools')
