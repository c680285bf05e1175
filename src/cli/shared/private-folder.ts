import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

/** The folders in use. They hold secrets, so they must not outlive the program. */
const folders = new Set<string>()
const EXIT_STATUS = { SIGINT: 130, SIGTERM: 143 } as const

function removeAndExit(signal: keyof typeof EXIT_STATUS): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  process.exit(EXIT_STATUS[signal])
}

/** Gives `work` a temporary folder that only this user can read. It is deleted afterwards, also when Ctrl-C ends the program. */
export async function withPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'router9-'))
  if (folders.size === 0) process.on('SIGINT', removeAndExit).on('SIGTERM', removeAndExit)
  folders.add(folder)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
    folders.delete(folder)
    if (folders.size === 0) process.off('SIGINT', removeAndExit).off('SIGTERM', removeAndExit)
  }
}
