import fc from 'fast-check'
import { type Content, type FinishReason, type OutputEvent, type ToolKind, toUsage } from '../../src/chat/event.ts'

/** Text of every kind that has broken a stream before. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }) },
  fc.constantFrom(
    '',
    '\n',
    '\r\n\r\n',
    'data: [DONE]',
    '你好🙂',
    '"\\',
    '\u2028',
    '</script>',
    '\u0000',
    '{"error":1}',
  ),
)

/** Decoders say no empty words. */
const words = text.filter((given) => given !== '')

const finishReason = fc.constantFrom<FinishReason>('stop', 'length', 'tool_calls', 'content_filter', 'function_call')

const extra = fc.oneof(
  fc.record({ place: fc.constant('message' as const), fields: fc.record({ annotations: fc.array(fc.nat()) }) }),
  fc.record({ place: fc.constant('message' as const), fields: fc.record({ 'constructor "': fc.nat() }) }),
  fc.record({
    place: fc.constant('choice' as const),
    fields: fc.record({ logprobs: fc.record({ content: fc.array(text) }) }),
  }),
  fc.record({ place: fc.constant('body' as const), fields: fc.record({ service_tier: text }) }),
  fc.record({ place: fc.constant('body' as const), fields: fc.record({ citations: fc.array(text) }) }),
)

const choice = fc.nat({ max: 2 })
const step = fc.oneof(
  fc.record({ type: fc.constantFrom('text' as const, 'reasoning' as const, 'refusal' as const), choice, text: words }),
  fc.record({
    type: fc.constant('tool-start' as const),
    choice,
    id: text,
    name: text,
    kind: fc.constantFrom<ToolKind>('function', 'function', 'custom'),
    extra: fc.option(fc.record({ extra_content: fc.record({ signature: text }) }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant('tool-delta' as const), choice, at: fc.nat(), text }),
  fc.record({ type: fc.constant('extra' as const), choice, extra }),
)

/** A whole answer as `stream/settle.ts` promises it: content of up to three choices, then an end. */
export const wholeAnswer: fc.Arbitrary<OutputEvent[]> = fc
  .record({
    steps: fc.array(step, { maxLength: 30 }),
    legacyCall: fc.option(fc.record({ name: text, pieces: fc.array(text) }), { nil: undefined, freq: 5 }),
    reasons: fc.tuple(finishReason, finishReason, finishReason),
    tokens: fc.tuple(fc.nat(), fc.nat()),
  })
  .map(({ steps, legacyCall, reasons, tokens }) => {
    const calls = [0, 0, 0]
    const said: Content[] = steps.flatMap((item): Content[] => {
      const made = calls[item.choice] ?? 0
      switch (item.type) {
        case 'tool-start': {
          calls[item.choice] = made + 1
          const { extra: further, ...start } = item
          return [{ ...start, index: made, ...(further === undefined ? {} : { extra: further }) }]
        }
        case 'tool-delta':
          if (made === 0) return []
          return [{ type: item.type, choice: item.choice, index: item.at % made, text: item.text }]
        case 'extra':
          return [{ type: 'extra', choice: item.choice, ...item.extra }]
        default:
          return [item]
      }
    })
    if (legacyCall !== undefined && calls[0] === 0) {
      said.push({ type: 'tool-start', choice: 0, index: 0, id: '', name: legacyCall.name, kind: 'function_call' })
      for (const piece of legacyCall.pieces) said.push({ type: 'tool-delta', choice: 0, index: 0, text: piece })
    }
    const begun = [...new Set([0, ...said.map((item) => item.choice)])].sort((a, b) => a - b)
    const finishes = begun.map((index) => ({ choice: index, reason: reasons[index] ?? 'stop' }))
    return [...said, { type: 'end', finishes, usage: toUsage(...tokens) }]
  })
