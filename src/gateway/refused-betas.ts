import type { HeaderReader } from '../formats/format.ts'

/** The headers of a request without the features of Anthropic's that the operator refuses (`REFUSED_BETAS`). */
export function withoutRefusedBetas(header: HeaderReader, refused: ReadonlySet<string>): HeaderReader {
  if (refused.size === 0) return header
  return (name) => {
    const value = header(name)
    if (name !== 'anthropic-beta' || value === null) return value
    return value
      .split(',')
      .filter((beta) => !refused.has(beta.trim()))
      .join(',')
  }
}
