import type { Failure } from '../../chat/failure.ts'
import type { Part } from '../../chat/request.ts'
import { isPresent } from '../shared/fields.ts'
import { decodeBase64Text, unsupportedContent } from '../shared/parts.ts'
import type { BlobParam, FileParam, PartParam } from './request-schema.ts'
import { toStandardBase64 } from './signatures.ts'

/** A part that a chat has a form for, or why only Google can read it. */
export type ReadPart = { readonly part: Part } | { readonly requires: Failure }

/** Formats of sound, where a chat has other names for them. */
const AUDIO_FORMATS: ReadonlyMap<string, string> = new Map([
  ['mpeg', 'mp3'],
  ['x-wav', 'wav'],
  ['wave', 'wav'],
  ['vnd.wave', 'wav'],
  ['mp4', 'm4a'],
  ['x-m4a', 'm4a'],
])
const TEXT_TYPES = /^(?:text\/|application\/(?:json|xml|x-?yaml|javascript|x-javascript|x-python|rtf)$)/
const DOCUMENT = 'document.pdf'

/** Data within the request. @throws Failure for text that is not base64. */
export function readBlob({ mimeType, data, displayName }: BlobParam, path: string): ReadPart {
  const type = baseType(mimeType)
  const bytes = toStandardBase64(data)
  const url = `data:${type};base64,${bytes}`
  const [kind, format = ''] = type.split('/')
  if (kind === 'image') return { part: { type: 'image_url', image_url: { url } } }
  if (kind === 'audio') {
    const input_audio = { data: bytes, format: AUDIO_FORMATS.get(format) ?? format }
    return { part: { type: 'input_audio', input_audio } }
  }
  if (kind === 'video') return { part: { type: 'video_url', video_url: { url } } }
  if (TEXT_TYPES.test(type)) {
    const text = decodeBase64Text(bytes, `${path}.data`)
    return { part: { type: 'text', text: displayName ? `${displayName}\n${text}` : text } }
  }
  return { part: { type: 'file', file: { file_data: url, filename: displayName ?? DOCUMENT } } }
}

const GOOGLE_FILE = /^(?:gs:|files\/|https?:\/\/[^/]*\bgoogleapis\.com\/\w+\/files\/)/i
/** No address is longer. */
const SEARCHED_CHARACTERS = 2048
const VIDEO_PAGE = /^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//i
const IMAGE_NAME = /\.(?:jpe?g|png|gif|webp|heic|heif|avif|bmp)(?:[?#]|$)/i

/** A file by its address. Those that Google keeps are nobody else's. */
export function readFile({ fileUri: url, mimeType, displayName }: FileParam, path: string): ReadPart {
  const param = `${path}.fileUri`
  const head = url.slice(0, SEARCHED_CHARACTERS)
  if (GOOGLE_FILE.test(head) || !/^https?:/i.test(head))
    return { requires: unsupportedContent(param, "files of Google's") }
  const [kind] = baseType(mimeType ?? '').split('/')
  if (kind === 'image' || (kind === '' && IMAGE_NAME.test(head)))
    return { part: { type: 'image_url', image_url: { url } } }
  if (kind === 'video' || VIDEO_PAGE.test(head)) return { part: { type: 'video_url', video_url: { url } } }
  if (kind === 'audio') return { requires: unsupportedContent(param, 'sound by its address') }
  return { part: { type: 'file', file: { file_data: url, filename: displayName ?? DOCUMENT } } }
}

/** What may stand beside the content of a part, or is only empty. */
const MARKS: ReadonlySet<string> = new Set([
  ...['text', 'thought', 'thoughtSignature', 'inlineData', 'fileData', 'functionCall', 'functionResponse'],
  ...['partMetadata', 'mediaResolution'],
])

/** The member of a part that only Google has a form for. */
export function unknownMember(part: PartParam): string | undefined {
  return Object.keys(part).find((name) => !MARKS.has(name) && isPresent(part[name]))
}

function baseType(mimeType: string): string {
  const end = mimeType.indexOf(';')
  return (end < 0 ? mimeType : mimeType.slice(0, end)).trim().toLowerCase()
}
