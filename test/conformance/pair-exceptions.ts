/** A difference between a recording and what Router9 makes of it that is meant, and why. */
export type PairException = {
  readonly side: 'request' | 'answer'
  readonly api: RegExp
  /** The pairs that it is about; all of the API where absent. */
  readonly pair?: RegExp
  readonly path: RegExp
  readonly why: string
}

const NOT_ASKED = /^(requests|status|error\.message)$/

/** A request that no provider is asked, and whose answer is therefore another one too. */
function notAsked(api: RegExp, pair: RegExp, why: string): PairException[] {
  return (['request', 'answer'] as const).map((side) => ({ side, api, pair, path: NOT_ASKED, why }))
}

/** The named exceptions of request and answer pairs in the same format on both sides. */
export const PAIR_EXCEPTIONS: readonly PairException[] = [
  {
    side: 'request',
    api: /^responses$/,
    path: /^store$/,
    why: 'Router9 keeps answers itself, so nothing is stored at the provider',
  },
  {
    side: 'request',
    api: /^responses$/,
    path: /^include(\.\d+)?$/,
    why: 'what is not stored at the provider has to bring its reasoning back, encrypted',
  },
  {
    side: 'request',
    api: /^responses$/,
    path: /^previous_response_id$/,
    why: 'earlier answers are in the input already, and null names none',
  },
  {
    side: 'answer',
    api: /^responses$/,
    path: /^(response\.\w+ response\.)?store$/,
    why: 'an answer says whether Router9 keeps it, not whether the provider does',
  },
  {
    side: 'answer',
    api: /^responses$/,
    pair: /^chatgpt-/,
    path: /^response\.completed response\.output\.\d+$/,
    why: 'an output that the provider left empty at the end holds the items that it had sent',
  },
  {
    side: 'answer',
    api: /^responses$/,
    pair: /^openrouter-/,
    path: /^response\.completed response\.output\.\d+\.id$/,
    why: 'an item has the same id at the end as when it was sent, where the provider has two',
  },
  ...notAsked(
    /^responses/,
    /agent-with-tool-calls|applypatchtoolworks-createfile|mcptoolalwaysrequires|bt-ai-sdk-v6|ai-chat-v0-latest-i1|auto-previous-response/,
    'it refers to an answer that this Router9 has not given: 404, as at OpenAI',
  ),
  ...notAsked(/^responses$/, /background/, 'background answers are not supported'),
  ...notAsked(/^responses$/, /conversations/, "a conversation of OpenAI's own store is not supported"),
  ...notAsked(/^responses$/, /90c55597|c835aafd|ec358e44/, "a prompt of OpenAI's own store is not supported"),
  ...notAsked(/^responses$/, /model-http-error/, 'a value out of bounds is refused before a provider is asked'),
  {
    side: 'request',
    api: /^completions$/,
    path: /^stream_options$/,
    why: 'usage is asked for with every stream of text completions, because every stream ends with it',
  },
  {
    side: 'answer',
    api: /^completions$/,
    path: /^ usage$/,
    why: 'a stream of text completions ends with the usage where the client did not ask for a chunk of its own',
  },
  {
    side: 'answer',
    api: /^completions$/,
    pair: /^together-/,
    path: /^object$/,
    why: "the object of a text completion has OpenAI's name",
  },
  ...notAsked(/^completions$/, /bad-request/, 'bounds that a chat has too are checked before a provider is asked'),
  ...notAsked(
    /^completions$/,
    /^api\.writer\.com-/,
    'a stream without choices and without an end is no text completion',
  ),
  {
    side: 'answer',
    api: /^(responses|messages|completions)$/,
    pair: /dd-response-error|dd-completion-error|xai-chat-error-handling|anthropic-dd-anthropic-v1-messages-beta-true/,
    path: /^(status|error\.message)$/,
    why: "that the gateway's own key is refused is no fault of the client",
  },
  ...notAsked(/^gemini$/, /invalid-role/, 'roles of messages are checked before a provider is asked'),
  ...notAsked(
    /^gemini$/,
    /bt-google-genai-v1-latest-i10/,
    'an answer that holds nothing but a call that failed is no answer: it is asked for again, and then told as an error',
  ),
  ...notAsked(
    /^gemini$/,
    /vertex-generate-content-extra-params/,
    'its recorder wrote the words of enums as numbers, and an answer without words needs to say why it ended',
  ),
  {
    side: 'request',
    api: /^gemini-count-tokens$/,
    path: /^generateContentRequest\.model$/,
    why: 'a request that is counted whole names its model, as the deployment calls it',
  },
  {
    side: 'request',
    api: /^gemini-count-tokens$/,
    pair: /^vertex-/,
    path: /^(contents|generationConfig|systemInstruction|tools|generateContentRequest)$/,
    why: 'what Vertex AI counts beside the contents stands in a request of its own at Gemini',
  },
  {
    side: 'answer',
    api: /^gemini-count-tokens$/,
    path: /^(promptTokensDetails|contentTokens|systemInstructionsTokens|totalBillableCharacters)$/,
    why: 'a count is the number alone, because an estimate has no more',
  },
  {
    side: 'answer',
    api: /^gemini-count-tokens$/,
    pair: /count-tokens-error/,
    path: /^(status|error\.message)$/,
    why: 'where the provider does not count, the estimate is told',
  },
  {
    side: 'answer',
    api: /^gemini$/,
    pair: /agentmultimodalgemini/,
    path: /^error\.message$/,
    why: 'that a provider limits our requests is told in our words, which say when to come again',
  },
  ...notAsked(
    /^embeddings$/,
    /embeddings-model-not-found|error-preserves-provider-body|cohere\.test-embed-error/,
    'a model that is not in the catalogue is unknown before a provider is asked',
  ),
  ...notAsked(/^embeddings$/, /dd-openai-embeddings-cd7b3e2b/, 'a model of chats is known to make no vectors'),
  ...notAsked(/^embeddings$/, /embeddings-bad-request/, 'fewer dimensions than one are refused in our words'),
  ...notAsked(
    /^embeddings$/,
    /llamacpp\/embeddings-(without-the-flag|input-past-the-batch)/,
    "what is the request's fault, or a server's that makes no vectors at all, is a 400, so that no client asks again",
  ),
  {
    side: 'answer',
    api: /^(responses|messages|completions|gemini|embeddings)$/,
    pair: /create-api-error|anthropic-client-error|dd-openai-completions-6224acff|crewmultimodalgemini|doubleword|google\.test-embed/,
    path: /^(status|error\.message)$/,
    why: 'that a provider does not have a model is told in our words, which do not name its model',
  },
]
