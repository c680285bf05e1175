/**
 * The models that `auto` may use where `AUTO_MODELS` is not set, best first. They are strong general models of several makers,
 * so that a key of any provider is enough, and an outage of one provider does not affect all of them.
 */
export const DEFAULT_AUTO_MODELS: readonly string[] = [
  'claude-sonnet-4-6',
  'gpt-5.4',
  'gemini-3.5-flash',
  'gpt-4.1',
  'claude-haiku-4-5',
  'gemini-2.5-flash',
  'grok-4.3',
  'mistral-large-2512',
  'deepseek-v4-pro',
  'kimi-k2.6',
  'command-a-03-2025',
  'sonar-pro',
  'gpt-oss-120b',
  'llama-3.3-70b-instruct',
]
