import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { sealSignature } from '../../../src/formats/gemini/signatures.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'
import { read, readPrompt } from './requests.ts'

type Fields = Readonly<Record<string, unknown>>

const user = (...parts: object[]) => ({ role: 'user', parts })
const model = (...parts: object[]) => ({ role: 'model', parts })
const call = (name: string, args: object = {}, id?: string) => ({
  functionCall: { name, args, ...(id === undefined ? {} : { id }) },
})
const result = (name: string, response: object, id?: string) => ({
  functionResponse: { name, response, ...(id === undefined ? {} : { id }) },
})
const QUESTION = user({ text: 'Hi' })
const IMAGE = { inlineData: { mimeType: 'image/png', data: 'iVBO' } }
const IMAGE_PART = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } }

function failureOf(asked: () => unknown): Failure {
  try {
    asked()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it was accepted')
}

/** The messages of the chat that this conversation becomes. */
function chatOf(...contents: object[]) {
  return read({ contents }).chat.messages
}

describe('the conversation', () => {
  test('has the instruction first, and neighbours of one role are one turn', () => {
    const { chat } = read({
      systemInstruction: { role: 'system', parts: [{ text: 'You are gemini-cli.' }, { text: 'Be brief.' }] },
      contents: [{ parts: [{ text: 'One.' }] }, user({ text: 'Two.' }), model({ text: 'A' }, { text: 'b.' }), QUESTION],
    })
    expect(chat.messages).toEqual([
      { role: 'system', content: 'You are gemini-cli.\n\nBe brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One.' },
          { type: 'text', text: 'Two.' },
        ],
      },
      { role: 'assistant', content: 'Ab.' },
      { role: 'user', content: 'Hi' },
    ])
  })

  test('reads snake case, and the only element in place of a list, but leaves names within data alone', () => {
    const { chat } = read({
      contents: {
        parts: [
          { inline_data: { mime_type: 'image/png', data: 'iVBO' } },
          { file_data: { file_uri: 'https://a.example/b.png', mime_type: 'image/png' } },
        ],
      },
      system_instruction: { parts: { text: 'Be brief.' } },
      generation_config: {
        max_output_tokens: '20',
        thinking_config: { include_thoughts: true, thinking_level: 'LOW' },
        response_schema: { type: 'OBJECT', properties: { first_name: { type: 'STRING', max_length: '5' } } },
      },
      tools: { function_declarations: { name: 'f', parameters_json_schema: { properties: { a_b: { any_of: 1 } } } } },
      tool_config: { function_calling_config: { mode: 'ANY', allowed_function_names: ['f'] } },
    })
    expect(chat).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [IMAGE_PART, { type: 'image_url', image_url: { url: 'https://a.example/b.png' } }] },
      ],
      max_completion_tokens: 20,
      reasoning: { effort: 'low' },
      response_format: { json_schema: { schema: { properties: { first_name: { type: 'string', maxLength: 5 } } } } },
      tools: [{ function: { name: 'f', parameters: { type: 'object', properties: { a_b: { any_of: 1 } } } } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
    })
    const args = { snake_case: 1, __proto__: 2 }
    const messages = chatOf(QUESTION, { role: 'model', parts: [{ function_call: { name: 'f', args } }] })
    expect(messages[1]?.tool_calls?.[0]?.function?.arguments).toBe(JSON.stringify(args))
  })

  test('gives calls without an id one, and results find their call by name and order, several of one name included', () => {
    const messages = chatOf(
      QUESTION,
      model({ text: 'I look.' }, call('f', { city: 'Paris' }), call('f', { city: 'Bern' })),
      model(call('g'), call('h', {}, 'own')),
      user(
        { text: 'Go on.' },
        result('g', { output: 'three' }),
        result('f', { output: 'one' }),
        result('h', { result: 4 }, 'own'),
        result('f', { error: 'no such city' }),
      ),
      model(call('f')),
      { role: 'function', parts: [result('f', { output: 'five' })] },
    )
    const [, asked, ...others] = messages
    const ids = asked?.tool_calls?.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(4)
    expect(ids[3]).toBe('own')
    expect(asked?.tool_calls?.map(({ function: called }) => called?.arguments).slice(0, 2)).toEqual([
      '{"city":"Paris"}',
      '{"city":"Bern"}',
    ])
    const last = others[5]?.tool_calls?.[0]?.id
    expect(ids).not.toContain(last)
    expect(others).toEqual([
      { role: 'tool', tool_call_id: ids[2], content: 'three' },
      { role: 'tool', tool_call_id: ids[0], content: 'one' },
      { role: 'tool', tool_call_id: 'own', content: '{"result":4}' },
      { role: 'tool', tool_call_id: ids[1], content: '{"error":"no such city"}' },
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content: null, tool_calls: [expect.anything()] },
      { role: 'tool', tool_call_id: last, content: 'five' },
    ])
  })

  test('gives a call the same id in every turn, so that the prompt stays in a cache', () => {
    const turns = [QUESTION, model(call('f')), user(result('f', {})), model(call('f')), user(result('f', {}))]
    expect(chatOf(...turns).slice(0, 3)).toEqual(chatOf(...turns.slice(0, 3)))
  })

  test('has calls whose ids came before under other ids', () => {
    const messages = chatOf(
      QUESTION,
      model(call('f', {}, 'a'), call('f', {}, 'a')),
      user(result('f', { output: '1' }, 'a'), result('f', { output: '2' }, 'a')),
    )
    const ids = messages[1]?.tool_calls?.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(2)
    expect(new Set(messages.slice(2).map(({ tool_call_id }) => tool_call_id))).toEqual(new Set(ids))
  })

  test('has media in the forms of a chat', () => {
    const blob = (mimeType: string, data: string) => ({ inlineData: { mimeType, data } })
    const [message] = chatOf(
      user(
        blob('audio/mpeg', 'QUJD'),
        blob('application/pdf', 'JV-_'),
        blob('text/csv; charset=utf-8', btoa('a,b')),
        { inlineData: { mimeType: 'video/mp4', data: 'QUJD' } },
        { fileData: { fileUri: 'https://www.youtube.com/watch?v=1' } },
        { fileData: { fileUri: 'https://a.example/c.pdf', mimeType: 'application/pdf' } },
      ),
    )
    expect(message?.content).toEqual([
      { type: 'input_audio', input_audio: { data: 'QUJD', format: 'mp3' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,JV+/', filename: 'document.pdf' } },
      { type: 'text', text: 'a,b' },
      { type: 'video_url', video_url: { url: 'data:video/mp4;base64,QUJD' } },
      { type: 'video_url', video_url: { url: 'https://www.youtube.com/watch?v=1' } },
      { type: 'file', file: { file_data: 'https://a.example/c.pdf', filename: 'document.pdf' } },
    ])
  })

  test('has results in the order of the calls where a client names them in its own way, as RubyLLM does', () => {
    const turn = model(call('f'), call('g', {}, 'b'))
    const ids = (...results: object[]) =>
      chatOf(QUESTION, turn, user(...results))
        .slice(2)
        .map((message) => message.tool_call_id)
    expect(ids(result('6f1c', {}), result('0a2b', {}))).toEqual(['call_0', 'b'])
    expect(ids(result('b', {}), result('6f1c', {}))).toEqual(['b', 'call_0'])
    expect(ids(result('g', {}), result('6f1c', {}), result('more', {}))).toEqual(['b', 'call_0', 'call_1'])
    expect(ids(result('h', {}, 'unknown'))).toEqual(['unknown'])
  })

  test('has pictures of results and of the model in the user’s next message', () => {
    const response = { functionResponse: { name: 'f', response: { output: 'See.' }, parts: [IMAGE] } }
    expect(chatOf(QUESTION, model(call('f')), user(response)).slice(2)).toEqual([
      { role: 'tool', tool_call_id: 'call_0', content: 'See.' },
      { role: 'user', content: [IMAGE_PART] },
    ])
    expect(chatOf(QUESTION, model({ text: 'Here.' }, IMAGE), user({ text: 'Make it blue.' })).slice(1)).toEqual([
      { role: 'assistant', content: 'Here.' },
      { role: 'user', content: [IMAGE_PART, { type: 'text', text: 'Make it blue.' }] },
    ])
  })

  test.each<[string, object[], string]>([
    ['files', [user({ fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/a' } })], 'fileUri'],
    ['buckets', [user({ fileData: { fileUri: 'gs://bucket/a.png', mimeType: 'image/png' } })], 'fileUri'],
    ['code', [QUESTION, model({ executableCode: { language: 'PYTHON', code: '1' } }), QUESTION], 'executableCode'],
    ['tools', [QUESTION, model({ toolCall: { toolType: 'FILE_SEARCH' } }), QUESTION], 'toolCall'],
  ])('is for Google alone where it holds %s of Google’s', (_, contents, member) => {
    const { source } = read({ contents })
    expect(source?.requires?.kind).toBe('model-not-capable')
    expect(source?.requires?.details.param).toMatch(new RegExp(`^contents\\[\\d\\]\\.parts\\[0\\]\\..*${member}$`))
    expect(source?.body.contents).toBe(contents)
  })
})

describe('signatures', () => {
  const google = { google: { thought_signature: 'Cmg=' } }
  const detail = { type: 'reasoning.encrypted', data: 'd', format: 'openai-responses-v1' }
  const kept = { reasoning_content: 'Hm.', reasoning_details: [detail] }
  const seal = (value: object) => ({ thoughtSignature: sealSignature(PLAIN_SEALER, value) })
  const answer = user(result('f', { output: 'ok' }))

  test('that we sealed are opened for their provider, and Google never sees them', () => {
    const contents = [
      QUESTION,
      model({ text: 'Hm.', thought: true }, { ...call('f'), ...seal({ ...kept, calls: { theirs: google } }) }),
      answer,
      model({ text: 'So.' }, { text: '', ...seal({ reasoning_details: [detail] }) }),
      QUESTION,
    ]
    const { chat, source } = read({ contents })
    expect(chat.messages).toMatchObject([
      { role: 'user' },
      {
        reasoning_content: 'Hm.',
        reasoning_details: [detail],
        tool_calls: [{ id: 'theirs', extra_content: google }],
      },
      { role: 'tool', tool_call_id: 'theirs' },
      { content: 'So.', reasoning_details: [detail] },
      { role: 'user' },
    ])
    expect(source?.body.contents).toEqual([
      QUESTION,
      // Another provider handed on a signature of Google's own.
      model({ text: 'Hm.', thought: true }, { ...call('f'), thoughtSignature: 'Cmg=' }),
      answer,
      model({ text: 'So.' }),
      QUESTION,
    ])
  })

  test('are found again in whatever base64 a client writes them, and in snake case', () => {
    const { thoughtSignature } = seal(kept)
    const thought_signature = thoughtSignature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
    const { chat, source } = read({ contents: [QUESTION, model({ ...call('f'), thought_signature }), answer] })
    expect(chat.messages[1]).toMatchObject(kept)
    expect(source?.body.contents).toEqual([QUESTION, model(call('f')), answer])
  })

  test('of ours in a part of the user go nowhere', () => {
    const { chat, source } = read({ contents: [{ role: 'user', parts: [{ text: 'Hi', ...seal(kept) }] }] })
    expect(chat.messages).toEqual([{ role: 'user', content: 'Hi' }])
    expect(source?.body.contents).toEqual([QUESTION])
  })

  test('leave no turn to Google where there was nothing else', () => {
    const { source } = read({ contents: [QUESTION, model({ text: '', thought: true, ...seal(kept) }), QUESTION] })
    expect(source?.body.contents).toEqual([QUESTION, QUESTION])
  })

  test('of Google’s own go back as they came', () => {
    const contents = [
      QUESTION,
      model({ text: 'Hm.', thought: true }, { ...call('f'), thoughtSignature: 'Cmg=' }, call('g')),
      user(result('f', {}), result('g', {})),
      model({ text: 'So.', thoughtSignature: 'Cmk=' }),
      QUESTION,
    ]
    const { chat, source } = read({ contents })
    expect(source?.body.contents).toBe(contents)
    expect(chat.messages[1]).toMatchObject({
      reasoning_content: 'Hm.',
      tool_calls: [{ id: 'call_0', extra_content: google }, { id: 'call_1' }],
    })
    expect(chat.messages[4]?.reasoning_details).toEqual([
      { type: 'reasoning.encrypted', data: 'Cmk=', format: 'google-gemini-v1' },
    ])
  })

  test('that stand in for lost ones say nothing', () => {
    const lost = { ...call('f'), thoughtSignature: 'skip_thought_signature_validator' }
    const { chat, source } = read({ contents: [QUESTION, model(lost), answer] })
    expect(chat.messages[1]?.tool_calls?.[0]).not.toHaveProperty('extra_content')
    expect(source?.body.contents).toEqual([QUESTION, model(lost), answer])
  })

  test.each([btoa('ours:{'), 'ours:{', btoa('ours:{"calls":3}')])('that were changed are refused: %s', (changed) => {
    const part = { ...call('f'), thoughtSignature: changed }
    const asked = () => read({ contents: [QUESTION, QUESTION, model({ text: 'Hm.' }, part), answer] })
    expect(failureOf(asked)).toMatchObject({
      kind: 'invalid-value',
      details: { param: 'contents[2].parts[1].thoughtSignature' },
    })
  })
})

describe('the configuration', () => {
  test('means in a chat what it means here', () => {
    const { chat, source } = read({
      generationConfig: {
        temperature: JSON.rawJSON('0.50000000000000000001'),
        topP: 0.9,
        topK: 40,
        maxOutputTokens: 100,
        candidateCount: 2,
        stopSequences: ['END'],
        seed: 7,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        responseLogprobs: true,
        logprobs: 3,
        responseModalities: ['TEXT', 'IMAGE'],
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
      },
      safetySettings: [],
      labels: { team: 'a' },
      models: ['b'],
      provider: { sort: 'price' },
      session_id: 's',
    })
    expect(chat).toMatchObject({
      model: 'some/model',
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      max_completion_tokens: 100,
      n: 2,
      stop: ['END'],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      modalities: ['text', 'image'],
      models: ['b'],
      provider: { sort: 'price' },
    })
    expect(Object.keys(source?.body ?? {})).toEqual(['contents', 'generationConfig', 'safetySettings', 'labels'])
    expect(source?.dropped).toEqual(['safetySettings', 'labels', 'generationConfig.mediaResolution'])
  })

  test('may be null, as some clients send it', () => {
    const nothing = { generationConfig: null, safetySettings: null, systemInstruction: null, toolConfig: null }
    const { chat, source } = read({ ...nothing, cachedContent: null, tools: null })
    expect(chat).toEqual({ model: 'some/model', messages: [{ role: 'user', content: 'Hi' }] })
    expect(source).toMatchObject({ dropped: [], body: nothing })
  })

  test.each<[Fields, Fields]>([
    [{ thinkingBudget: 0 }, { reasoning_effort: 'none' }],
    [{ thinkingBudget: -1 }, { reasoning: { enabled: true } }],
    [{ thinkingBudget: 8192, includeThoughts: true }, { reasoning: { max_tokens: 8192 } }],
    [{ thinkingLevel: 'HIGH' }, { reasoning_effort: 'high' }],
    [{ thinkingLevel: 'minimal', includeThoughts: true }, { reasoning: { effort: 'minimal' } }],
    [{ includeThoughts: true }, { reasoning: { enabled: true } }],
    [{ includeThoughts: false }, {}],
  ])('thinking %j is %j', (thinkingConfig, expected) => {
    const { chat, carriesReasoning } = read({ generationConfig: { thinkingConfig } })
    const { messages: _, model: __, ...others } = chat
    expect(others).toEqual(expected)
    expect(carriesReasoning).toBe(thinkingConfig.thinkingBudget === 0 ? undefined : true)
  })

  test('asks for JSON, with a schema of either kind or with none', () => {
    const formatOf = (generationConfig: Fields) => read({ generationConfig }).chat.response_format
    const json = { responseMimeType: 'application/json' }
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    expect(formatOf(json)).toEqual({ type: 'json_object' })
    expect(formatOf({ responseMimeType: 'text/plain' })).toBeUndefined()
    expect(formatOf({ ...json, responseJsonSchema: schema })).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: false },
    })
    const own = { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['a'] }
    expect(formatOf({ ...json, responseSchema: own })).toEqual({
      type: 'json_schema',
      json_schema: {
        name: 'answer',
        schema: { ...schema, required: ['a'], additionalProperties: false },
        strict: true,
      },
    })
  })

  test.each<[string, Fields]>([
    ['cachedContent', { cachedContent: 'cachedContents/a' }],
    ['generationConfig.responseModalities', { generationConfig: { responseModalities: ['AUDIO'] } }],
    ['generationConfig.responseMimeType', { generationConfig: { responseMimeType: 'text/x-other' } }],
    ['tools[0].codeExecution', { tools: [{ code_execution: {} }] }],
    ['tools[1].urlContext', { tools: [{ googleSearch: {} }, { urlContext: {} }] }],
    ['tools[0].fileSearch', { tools: [{ fileSearch: { fileSearchStoreNames: ['a'] } }] }],
    ['tools[0].googleMaps', { tools: [{ googleMaps: {} }] }],
    ['tools[0].computerUse', { tools: [{ computerUse: { environment: 'ENVIRONMENT_BROWSER' } }] }],
  ])('%s is for Google alone', (param, fields) => {
    const { source } = read(fields)
    expect(source?.requires).toMatchObject({ kind: 'model-not-capable', details: { param } })
    expect(source?.requires?.message).toContain(`'${param}'`)
  })
})

describe('tools', () => {
  const f = { name: 'f', description: 'Does f.', parameters: { type: 'OBJECT', properties: { a: { type: 'STRING' } } } }
  const g = { name: 'g', parametersJsonSchema: { type: 'object', properties: {} }, response: { type: 'STRING' } }
  const tools = [{ functionDeclarations: [f] }, { functionDeclarations: [g, { name: 'h' }] }]
  const calling = (functionCallingConfig: Fields) => read({ tools, toolConfig: { functionCallingConfig } })

  test('are functions, whichever kind of schema they have', () => {
    const { chat, source, pathOf } = read({ tools })
    expect(chat.tools).toEqual([
      {
        type: 'function',
        function: {
          name: 'f',
          description: 'Does f.',
          parameters: { type: 'object', properties: { a: { type: 'string' } } },
        },
      },
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
      { type: 'function', function: { name: 'h' } },
    ])
    expect(chat.tool_choice).toBeUndefined()
    expect(source?.dropped).toEqual(['tools.functionDeclarations.response'])
    expect(pathOf?.('tools[1].function.parameters')).toBe('tools[1].functionDeclarations[0]')
  })

  test.each<[Fields, unknown, string[]]>([
    [{ mode: 'auto' }, 'auto', ['f', 'g', 'h']],
    [{ mode: 'NONE' }, 'none', ['f', 'g', 'h']],
    [{ mode: 2 }, 'required', ['f', 'g', 'h']],
    [{ mode: 'ANY', allowedFunctionNames: ['g'] }, { type: 'function', function: { name: 'g' } }, ['f', 'g', 'h']],
    [{ mode: 'ANY', allowedFunctionNames: ['f', 'h'] }, 'required', ['f', 'h']],
    [{ mode: 'VALIDATED', allowedFunctionNames: ['f'] }, 'auto', ['f']],
    [{}, undefined, ['f', 'g', 'h']],
  ])('the choice %j', (config, choice, names) => {
    const { chat } = calling(config)
    expect(chat.tool_choice).toEqual(choice)
    expect(chat.tools?.map((tool) => tool.function?.name)).toEqual(names)
  })

  test('are strict where calls are validated, and a strict schema promises the same', () => {
    const all = { ...f, parameters: { ...f.parameters, required: ['a'] } }
    const toolConfig = { functionCallingConfig: { mode: 'VALIDATED' } }
    const { chat } = read({ tools: [{ functionDeclarations: [all, f] }], toolConfig })
    expect(chat.tools?.map((tool) => tool.function?.strict)).toEqual([true, undefined])
  })

  test('have names in a chat that it takes, wherever they are named', () => {
    const name = 'default_api:files.read'
    const { chat } = read({
      tools: [{ functionDeclarations: [{ name }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [name] } },
      contents: [QUESTION, model(call(name)), user(result(name, {}))],
    })
    const inChat = chat.tools?.[0]?.function?.name
    expect(inChat).toMatch(/^default_api_files_read_\w+$/)
    expect(chat.tool_choice).toEqual({ type: 'function', function: { name: inChat } })
    expect(chat.messages[1]?.tool_calls?.[0]?.function?.name).toBe(inChat)
  })

  test('a search is what the request is for where it stands alone, and on offer beside functions', () => {
    const alone = read({ tools: [{ googleSearch: { timeRangeFilter: {} } }] })
    expect(alone.chat).toMatchObject({ web_search_options: {} })
    expect(alone.source).toMatchObject({
      requiresSearch: { kind: 'model-not-capable', details: { param: 'tools[0].googleSearch' } },
      dropped: ['tools[0].googleSearch.timeRangeFilter'],
    })
    const beside = read({ tools: [...tools, { google_search_retrieval: {} }] })
    expect(beside.chat.web_search_options).toBeUndefined()
    expect(beside.source).toMatchObject({
      offersSearch: { web_search_options: {}, path: 'tools[2].googleSearchRetrieval' },
    })
    expect(beside.source?.requiresSearch).toBeUndefined()
    const kept = read({ tools: [...tools, { googleSearch: { excludeDomains: ['a.example'] } }] })
    expect(kept.source?.offersSearch).toBeUndefined()
    expect(kept.source?.dropped).toContain('tools[2].googleSearch')
  })
})

describe('Google’s schemas are JSON Schema', () => {
  const schemaOf = (parameters: Fields) =>
    read({ tools: [{ functionDeclarations: [{ name: 'f', parameters }] }] }).chat.tools?.[0]?.function?.parameters

  test.each<[Fields, Fields]>([
    [
      { type: 6, properties: { n: { type: 'INTEGER', format: 'int64', nullable: true } } },
      { type: 'object', properties: { n: { type: ['integer', 'null'] } } },
    ],
    [
      { type: 'OBJECT', properties: { c: { type: 'STRING', format: 'enum', enum: ['a', 'b'], nullable: true } } },
      { type: 'object', properties: { c: { type: ['string', 'null'], enum: ['a', 'b', null] } } },
    ],
    [
      { type: 'OBJECT', properties: { n: { type: 'NUMBER', enum: ['1', '2.5'], example: 1 } } },
      { type: 'object', properties: { n: { type: 'number', enum: [1, 2.5], examples: [1] } } },
    ],
    [
      { type: 'OBJECT', properties: { l: { type: 'ARRAY', min_items: '1', maxItems: 3, items: { type: 'BOOLEAN' } } } },
      { type: 'object', properties: { l: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'boolean' } } } },
    ],
    [
      { type: 'OBJECT', properties: { u: { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }], nullable: true } } },
      { type: 'object', properties: { u: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }] } } },
    ],
    [
      { type: 'object', properties: { d: { type: ['string', 'null'], format: 'date-time', default: null } } },
      { type: 'object', properties: { d: { type: ['string', 'null'], format: 'date-time' } } },
    ],
  ])('%j', (own, expected) => {
    expect(schemaOf(own)).toEqual(expected)
  })

  test('whose members have any name, in the order that is asked for', () => {
    const properties = JSON.parse('{"b_c":{"type":"STRING"},"__proto__":{"type":"NUMBER"},"type":{"type":"STRING"}}')
    const schema = schemaOf({ type: 'OBJECT', properties, propertyOrdering: ['type', 'nobody', 'b_c'] })
    const members = Object.entries(Object(schema?.properties))
    expect(members).toEqual([
      ['type', { type: 'string' }],
      ['b_c', { type: 'string' }],
      ['__proto__', { type: 'number' }],
    ])
    expect(schema).not.toHaveProperty('propertyOrdering')
  })
})

describe('what is wrong is named in camel case', () => {
  test.each<[string, Fields]>([
    ['contents', { contents: [] }],
    ['contents', { contents: 'Hi' }],
    ['contents', { contents: undefined }],
    ['contents', { contents: [{ role: 'user', parts: [] }] }],
    ['contents[0].role', { contents: [{ role: 'assistant', parts: [{ text: 'Hi' }] }] }],
    ['contents[1].parts[0].text', { contents: [QUESTION, user({ text: 3 })] }],
    ['contents[0].parts[1].inlineData.data', { contents: [user({ text: 'a' }, { inline_data: { mimeType: 'a/b' } })] }],
    ['contents[0].parts[0].functionCall', { contents: [user(call('f'))] }],
    [
      'contents[1].parts[0].functionCall.args',
      { contents: [QUESTION, model({ functionCall: { name: 'f', args: 3 } })] },
    ],
    [
      'contents[0].parts[0].inlineData.data',
      { contents: [user({ inlineData: { mimeType: 'text/plain', data: '!' } })] },
    ],
    ['generationConfig.temperature', { generationConfig: { temperature: 3 } }],
    ['generationConfig.maxOutputTokens', { generation_config: { max_output_tokens: 'many' } }],
    ['generationConfig.stopSequences[0]', { generationConfig: { stopSequences: [1] } }],
    [
      'generationConfig.thinkingConfig.thinkingBudget',
      { generationConfig: { thinkingConfig: { thinkingBudget: {} } } },
    ],
    ['tools[0].functionDeclarations[1].name', { tools: [{ functionDeclarations: [{ name: 'f' }, {}] }] }],
    [
      'toolConfig.functionCallingConfig.allowedFunctionNames',
      {
        tools: [{ functionDeclarations: [{ name: 'f' }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['g'] } },
      },
    ],
    ['provider.sort', { provider: { sort: 'looks' } }],
  ])('%s', (param, fields) => {
    const failure = failureOf(() => read(fields))
    expect(failure.status).toBe(400)
    expect(failure.details.param).toBe(param)
    expect(failure.message).toContain(`'${param}'`)
  })

  test('also where a provider names it as a field of the chat', () => {
    const { pathOf } = read({
      systemInstruction: { parts: [{ text: 'a' }] },
      contents: [
        user(IMAGE),
        model(call('f'), call('f')),
        user(result('f', {}), result('f', {}), { text: 'b' }, IMAGE),
      ],
    })
    const paths = {
      'messages[0].content': 'systemInstruction',
      'messages[1].content[0].image_url.url': 'contents[0].parts[0]',
      'messages[2].tool_calls[1].function.arguments': 'contents[1].parts[1]',
      'messages[4].content': 'contents[2].parts[1]',
      'messages.[4].role': 'contents[2].parts[1]',
      'messages[5].content[1]': 'contents[2].parts[3]',
      messages: 'contents',
      stop: 'generationConfig.stopSequences',
      reasoning: 'generationConfig.thinkingConfig',
      n: 'generationConfig.candidateCount',
      tool_choice: 'toolConfig.functionCallingConfig',
    }
    expect(Object.fromEntries(Object.keys(paths).map((path) => [path, pathOf?.(path)]))).toEqual(paths)
  })
})

describe('a request for a count', () => {
  const inner = { contents: [QUESTION], systemInstruction: { parts: [{ text: 'Be brief.' }] } }

  test.each(['generateContentRequest', 'generate_content_request'])('is contents, or a whole request in %s', (name) => {
    expect(readPrompt({ contents: [QUESTION] }).chat.messages).toEqual([{ role: 'user', content: 'Hi' }])
    const { chat, source } = readPrompt({ [name]: { ...inner, model: 'models/other' } })
    expect(chat).toMatchObject({ model: 'some/model', messages: [{ role: 'system', content: 'Be brief.' }, {}] })
    expect(source?.body).toEqual({ [name]: inner })
  })

  test('names what is wrong within it', () => {
    const param = (fields: Fields) => failureOf(() => readPrompt(fields)).details.param
    expect(param({ generateContentRequest: {} })).toBe('generateContentRequest.contents')
    expect(param({ generateContentRequest: { ...inner, generationConfig: { topP: 2 } } })).toBe(
      'generateContentRequest.generationConfig.topP',
    )
    expect(param({ generateContentRequest: inner, contents: [QUESTION] })).toBe('contents')
    expect(param({ generateContentRequest: inner, models: 3 })).toBe('models')
  })
})
