// What agents put around a request for the model to know; none of it is what the user asks.
const TAG = /<([a-z][\w-]*)((?:\s[^<>]{0,200})?)>/gi
// The name of a tag, which may be of two words: <permissions instructions>.
const ENVELOPE =
  /^(?:[\w-]+ )?[\w-]*(?:reminder|context|instructions|environment|details|metadata|notification|caveat|skills|datetime|current_date|memory|memories|rules|workspace|_mode|command-[a-z]+|turn_aborted)[\w-]*$|^env$/i
const HEADINGS = /^# AGENTS\.md instructions.*$/gim

/**
 * A user's text without the reminders, surroundings and instructions that an agent put into it as
 * `<system-reminder>…</system-reminder>` and the like. A tag that is never closed is left alone.
 */
export function withoutEnvelopes(text: string): string {
  if (!text.includes('</')) return text
  let rest = ''
  let from = 0
  const unclosed = new Set<string>()
  TAG.lastIndex = 0
  for (let match = TAG.exec(text); match !== null; match = TAG.exec(text)) {
    const [opening, name = '', words = ''] = match
    if (!ENVELOPE.test(name) && !ENVELOPE.test(name + words)) continue
    for (const closing of [`</${name}${words}>`, `</${name}>`]) {
      const end = unclosed.has(closing) ? -1 : text.indexOf(closing, match.index + opening.length)
      if (end < 0) unclosed.add(closing)
      else {
        rest += text.slice(from, match.index)
        from = end + closing.length
        TAG.lastIndex = from
        break
      }
    }
  }
  if (from === 0) return text
  return (rest + text.slice(from)).replace(HEADINGS, '').trim()
}
