/** A sampled profile of allocations, as Chrome's protocol has it: as much of it as is read here. */
export interface HeapNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  /** What V8 takes the samples of this place to stand for, in bytes. */
  readonly selfSize: number
  readonly children: readonly HeapNode[]
}

/** What a function allocated by itself, without those it called; what the platform makes for it counts as its own. */
export interface SelfBytes {
  readonly name: string
  readonly line: number
  readonly bytes: number
  /** Those that called it for the most of it, with their share of its bytes. */
  readonly callers: readonly { readonly name: string; readonly share: number }[]
}

/** Functions by what they allocated themselves, the most first. */
export function selfBytes(head: HeapNode): SelfBytes[] {
  const functions = new Map<string, { name: string; line: number; bytes: number; callers: Map<string, number> }>()
  const visit = ({ callFrame, selfSize, children }: HeapNode, caller: string) => {
    const { functionName, url, lineNumber } = callFrame
    const name = functionName || '(anonymous)'
    if (selfSize > 0) {
      const key = `${name} ${url} ${lineNumber}`
      const one = functions.get(key) ?? { name, line: lineNumber + 1, bytes: 0, callers: new Map() }
      functions.set(key, one)
      one.bytes += selfSize
      one.callers.set(caller, (one.callers.get(caller) ?? 0) + selfSize)
    }
    for (const child of children) visit(child, name)
  }
  visit(head, '')
  return [...functions.values()]
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ callers, ...one }) => ({
      ...one,
      callers: [...callers]
        .sort((a, b) => b[1] - a[1])
        .slice(0, 2)
        .map(([name, bytes]) => ({ name, share: bytes / one.bytes })),
    }))
}
