import { agent, jsonLines } from '../agents.ts'
import type { Client } from '../client.ts'

interface Line {
  readonly type: string
  readonly assistantMessageEvent?: { readonly type: string; readonly delta?: string }
  readonly message?: {
    readonly role: string
    readonly errorMessage?: string
    readonly content?: readonly { readonly type: string; readonly text?: string }[]
  }
}

/** One row for each API that it can speak. */
export const pi: readonly Client[] = ['openai-completions', 'openai-responses', 'anthropic-messages'].map((api) =>
  agent({
    name: `pi, ${api}`,
    packages: ['@earendil-works/pi-coding-agent'],
    has: ['stream', 'image'],
    start: async ({ prompt, url, key, model, image }, sandbox) => {
      const models = [{ id: model, input: ['text', 'image'], contextWindow: 200_000, maxTokens: 8000 }]
      const baseUrl = api === 'anthropic-messages' ? url : `${url}/v1`
      await sandbox.write(
        '.pi/agent/models.json',
        JSON.stringify({ providers: { router9: { baseUrl, api, apiKey: '$ROUTER9_API_KEY', models } } }),
      )
      return {
        args: [
          sandbox.installed('node_modules/.bin/pi'),
          ...['-p', '--mode', 'json', '--offline', '--no-session', '--provider', 'router9', '--model', model],
          ...(image === undefined ? [] : [`@${image}`]),
          prompt,
        ],
        env: { ROUTER9_API_KEY: key, PI_OFFLINE: '1', PI_TELEMETRY: '0' },
      }
    },
    read: ({ stdout }) => {
      const lines = jsonLines<Line>(stdout)
      const { message } =
        lines.findLast((line) => line.type === 'message_end' && line.message?.role === 'assistant') ?? {}
      const text = message?.content?.flatMap((part) => (part.type === 'text' ? (part.text ?? []) : [])).join('')
      return {
        answer: text || message?.errorMessage || '',
        pieces: lines.flatMap(({ assistantMessageEvent: event }) =>
          event?.type === 'text_delta' ? (event.delta ?? []) : [],
        ),
      }
    },
    readFile: (file) => `call=read${JSON.stringify({ path: file })}`,
    runCommand: (command) => `call=bash${JSON.stringify({ command })}`,
  }),
)
