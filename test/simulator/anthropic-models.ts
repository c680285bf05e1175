/** What depends on the model in Anthropic's format. */
export interface ClaudeTraits {
  maxOutputTokens: number
  /** Refuses temperature together with top_p. */
  oneSampler: boolean
  /** Refuses any sampling parameter but the defaults. */
  fixedSampling: boolean
  thinking: 'none' | 'manual' | 'both' | 'adaptive'
  structuredOutput: boolean
  prefill: boolean
  /** Takes a system role among the messages. */
  systemTurns: boolean
  /** Takes a tool choice that forces a call. */
  forcedTool: boolean
}

/** The traits of a model by its version; a name that is not Claude's gets those of a recent one. */
export function claudeTraits(model: string): ClaudeTraits {
  const old = /claude-(\d)(?:-(\d))?-(\w+)/.exec(model)
  const recent = /claude-([a-z]+)-(\d+)(?:-(\d{1,2}))?(?!\d)/.exec(model)
  const version = recent !== null ? versionOf(recent[2], recent[3]) : old !== null ? versionOf(old[1], old[2]) : 5
  const family = recent?.[1] ?? old?.[3] ?? ''
  return {
    maxOutputTokens: outputLimit(version, family),
    oneSampler: version >= 4.5,
    fixedSampling: version >= 4.7,
    thinking: version < 3.7 ? 'none' : version < 4.6 ? 'manual' : version < 4.7 ? 'both' : 'adaptive',
    structuredOutput: version >= 4.5 || (family === 'opus' && version >= 4.1),
    prefill: version < 4.6,
    systemTurns: version >= 4.8,
    forcedTool: family !== 'fable' && family !== 'mythos',
  }
}

function versionOf(major: string | undefined, minor: string | undefined): number {
  return Number(major) + Number(minor ?? 0) / 10
}

function outputLimit(version: number, family: string): number {
  if (version < 3.5) return 4096
  if (version < 3.7) return 8192
  if (version >= 4.6) return 128_000
  return family === 'opus' && version < 4.5 ? 32_000 : 64_000
}
