import { addText, choiceOf, type Draft, newDraft } from './draft.ts'
import { arrayOf, at, numberOf, parseJson, textOf } from './json.ts'
import { errorInStream } from './read-errors.ts'

/** Reads what Ollama's own API sends, chat or generate: a line of JSON each, or the one body. */
export function readOllama(text: string): Draft {
  const draft = newDraft()
  for (const line of text.trim().startsWith('{') && parseJson(text) !== undefined ? [text] : text.split('\n')) {
    if (line.trim() === '') continue
    const event = parseJson(line)
    if (event === undefined) {
      draft.doubt = 'a line that is not JSON'
      break
    }
    if (at(event, 'error')) {
      draft.error = errorInStream(at(event, 'error'))
      break
    }
    takeLine(draft, event)
  }
  return draft
}

function takeLine(draft: Draft, event: unknown) {
  const choice = choiceOf(draft, 0)
  const message = at(event, 'message')
  addText(choice, textOf(at(message, 'content')) + textOf(at(event, 'response')))
  choice.reasoning += textOf(at(message, 'thinking')) + textOf(at(event, 'thinking'))
  for (const call of arrayOf(at(message, 'tool_calls'))) {
    choice.tools.push({
      id: textOf(at(call, 'id')) || null,
      name: textOf(at(call, 'function', 'name')),
      arguments: JSON.stringify(at(call, 'function', 'arguments') ?? {}),
      byValue: true,
    })
  }
  if (at(event, 'done') !== true) return
  draft.ended = true
  choice.finish = at(event, 'done_reason') === 'length' ? 'length' : 'stop'
  const completion = numberOf(at(event, 'eval_count'))
  if (completion === undefined) return
  // Ollama leaves the prompt's count out when the prompt was cached.
  const prompt = numberOf(at(event, 'prompt_eval_count')) ?? null
  draft.usage = { prompt, completion, total: prompt === null ? null : prompt + completion }
}
