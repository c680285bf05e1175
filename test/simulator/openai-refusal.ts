import type { Trouble } from './dialect.ts'

/** A refusal as OpenAI makes it: status 400, the parameter at fault and a code where it has one. */
export function refusal(message: string, param: string | undefined, code?: string): Trouble {
  return { status: 400, message, ...(param === undefined ? {} : { param }), ...(code === undefined ? {} : { code }) }
}
