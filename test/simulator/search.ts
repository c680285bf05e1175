import type { Fields } from './json.ts'
import type { Prompt } from './prompt.ts'

// Nobody offers so many tools but an agent, and an agent's words are not for the search.
const AGENT_TOOLS = 10
const QUERY_CHARACTERS = 80
const FOUND_URL = 'https://example.com/found'

/** What a provider's own search finds. */
export const FOUND = { url: FOUND_URL, title: 'Found' }

/** How an answer tells what the search found. */
export const CITATION = `([example.com](${FOUND_URL}))`

/** What the provider's own search looks for, when it is offered and either forced or asked for in words. */
export function searchQuery(
  { lastText }: Pick<Prompt, 'lastText'>,
  { isOffered, isForced, tools }: { isOffered: boolean; isForced: boolean; tools: number },
): { searchQuery?: string } {
  const isAsked = tools < AGENT_TOOLS && /\b(search|look up|latest|news)\b/i.test(lastText)
  return isOffered && (isForced || isAsked) ? { searchQuery: lastText.slice(0, QUERY_CHARACTERS) } : {}
}

/** Where the citation stands in a text, as OpenAI tells it. */
export function citationIn(text: string): Fields | undefined {
  const start = text.indexOf(CITATION)
  return start < 0 ? undefined : { start_index: start, end_index: start + CITATION.length, ...FOUND }
}
