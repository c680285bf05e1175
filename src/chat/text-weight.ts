/** Of longer texts only samples are read: a prompt can be megabytes, and an estimate is enough. */
const SAMPLE_CHARACTERS = 250
const SAMPLES = 4
/** A shorter text is read as a whole. */
const SAMPLED_FROM_CHARACTERS = 4000

/** How much a text counts in an estimate of tokens: about 4 per token. An ASCII character weighs 1, any other 2.5. */
export function textWeight(text: string): number {
  const { length } = text
  if (length <= SAMPLED_FROM_CHARACTERS) return wholeWeight(text)
  const stride = (length - SAMPLE_CHARACTERS) / (SAMPLES - 1)
  let beyond = 0
  for (let sample = 0; sample < SAMPLES; sample++) {
    const from = Math.floor(sample * stride)
    beyond += beyondAscii(text, from, from + SAMPLE_CHARACTERS)
  }
  return length * (1 + (1.5 * beyond) / (SAMPLES * SAMPLE_CHARACTERS))
}

/** The same of all characters, for a text that may be written so that the samples tell little of it. */
export function wholeWeight(text: string): number {
  return text.length + 1.5 * beyondAscii(text, 0, text.length)
}

function beyondAscii(text: string, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at++) if (text.charCodeAt(at) > 127) count++
  return count
}
