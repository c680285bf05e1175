const MAX_IMAGE_BYTES = 5_000_000
/** With what base64 adds this stays below the 20 MiB that a body may have. */
const MAX_ALL_LENGTH = 18_000_000

/** The files as data URLs. @param before those that are there already, in all messages. @throws Error that says which file is wrong */
export async function readImages(files: readonly File[], before: readonly string[]): Promise<readonly string[]> {
  let length = before.reduce((sum, url) => sum + url.length, 0)
  const urls: string[] = []
  for (const file of files) {
    if (!file.type.startsWith('image/')) throw new Error(`${file.name} is not an image.`)
    if (file.size > MAX_IMAGE_BYTES) {
      throw new Error(
        `${file.name} has ${(file.size / 1e6).toFixed(1)} MB. An image may have 5 MB: make it smaller first.`,
      )
    }
    const url = await dataUrl(file)
    length += url.length
    if (length > MAX_ALL_LENGTH) throw new Error('All images together are too large for one request: take some out.')
    urls.push(url)
  }
  return urls
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`))
    reader.readAsDataURL(file)
  })
}
