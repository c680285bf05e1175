/** What a tenant who means harm sends. */
export const HOSTILITIES = ['echoed words', 'huge prompts', 'invented names', 'untranslatable'] as const
export type Hostility = (typeof HOSTILITIES)[number]

/** How a provider refuses a request, as it comes over the wire, and what had been sent. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
  readonly sent: readonly string[]
}

const VERDICTS = [
  'invalid_api_key',
  'insufficient_quota',
  'authentication_error',
  'model_not_found',
  'billing_not_active',
]

/** Each of them would take a deployment out, if it were believed. */
export function refusalOf(hostile: Hostility, id: number): Refusal {
  switch (hostile) {
    case 'echoed words': {
      const word = VERDICTS[id % VERDICTS.length] ?? ''
      const message = `Invalid value: '${word}'. Supported values are: 'function' and 'custom'.`
      return { status: 400, body: { error: { message, type: 'invalid_request_error', code: null } }, sent: [word] }
    }
    case 'huge prompts': {
      const message =
        'Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 160000. The input or output tokens must be reduced in order to run successfully.'
      return {
        status: 429,
        body: { error: { message, type: 'tokens', param: null, code: 'rate_limit_exceeded' } },
        sent: [],
      }
    }
    case 'invented names': {
      const message = `model 'x${id}' not found`
      return {
        status: 404,
        body: { error: { message, type: 'not_found_error', code: 'model_not_found' } },
        sent: [`x${id}`],
      }
    }
    case 'untranslatable':
      // Only those who send it nevertheless hear of it.
      return {
        status: 400,
        body: { error: { message: 'n is not supported', type: 'invalid_request_error' } },
        sent: [],
      }
    default:
      return hostile satisfies never
  }
}
