import { base64Bytes } from './json.ts'
import type { Attachment } from './prompt.ts'

/** An attachment from a URL, which may hold the data itself. */
export function attachmentFromUrl(kind: Attachment['kind'], url: string, name?: string): Attachment {
  const named = name === undefined ? {} : { name }
  const match = /^data:([^;,]*)(?:;[^,]*)?,(.*)$/s.exec(url)
  if (match === null) return { kind, url, ...named }
  return { ...attachmentFromData(kind, match[1] ?? '', match[2] ?? ''), ...named }
}

/** An attachment from base64 data. */
export function attachmentFromData(kind: Attachment['kind'], mediaType: string, data: string): Attachment {
  return { kind, mediaType, bytes: base64Bytes(data) }
}

/** What kind of thing a media type is. */
export function kindOfMedia(mediaType: string): Attachment['kind'] {
  const family = mediaType.split('/')[0]
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'document'
}
