import type { SpecException } from './openai-spec.ts'

/** Where OpenAI's servers themselves break OpenAI's document, seen in recordings of them. */
export const OPENAI_WIRE: readonly SpecException[] = [
  { schema: /^Response/, path: /(^|\.)user$/, why: 'null where the caller named none' },
  {
    schema: /Created|InProgress|Queued|Failed|^Response$/,
    path: /^(response\.)?usage$/,
    why: 'null until it is known',
  },
  { schema: /^Response/, path: /input_tokens_details\.cache_write_tokens$/, why: 'only newer models count it' },
  { schema: /OutputItemAdded/, path: /^item\.(action|result)$/, why: 'not known yet when the item begins' },
  { schema: /FunctionCallArgumentsDone/, path: /^name$/, why: 'the item has it already' },
  { schema: /^Response/, path: /(^|\.)instructions\.\d+$/, why: 'two kinds of message have the same shape' },
  {
    schema: /^Response/,
    path: /(^|\.)tools\.\d+\.(server_description|require_approval.*|allowed_tools.*)$/,
    why: 'what was not given comes back as null',
  },
  { schema: /^Response/, path: /text\.format\.description$/, why: 'what was not given comes back as null' },
  { schema: /^Response/, path: /(^|\.)environment$/, why: 'only shells in a container have one' },
  { schema: /^Response/, path: /action\.sources\.\d+\.(type|url)$/, why: 'a source may be an API and not a page' },
  { schema: /^Response/, path: /content\.\d+\.logprobs$/, why: 'older models leave it out where none were asked for' },
  { schema: /^Response/, path: /^sequence_number$/, why: 'streams of the first months have none' },
  { schema: /ResponseErrorEvent/, path: /^(code|message|param)$/, why: 'they stand in `error`' },
  {
    schema: /ResponseFailed|^Response$/,
    path: /error\.code$/,
    why: 'further codes are in use, such as insufficient_quota',
  },
  { schema: /^CreateChat/, path: /choices\.\d+\.finish_reason$/, why: 'null until the choice has finished' },
  {
    schema: /^CreateChat/,
    path: /choices\.\d+\.logprobs(\.refusal)?$/,
    why: 'null, or left out, where none were asked for',
  },
  { schema: /^CreateChat/, path: /message\.refusal$/, why: 'older models leave it out' },
  { schema: /^CreateChat/, path: /^system_fingerprint$/, why: 'null where the model has none' },
  { schema: /StreamResponse/, path: /^usage$/, why: 'null in all chunks but the last' },
]
