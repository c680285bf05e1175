/**
 * Loaded before a program under test: its requests to addresses of workers.dev go to the Worker on this machine. Everywhere
 * else, for example in what the program prints, the address stays as it is.
 */
const target = process.env.WORKERS_DEV_AT
const realFetch = globalThis.fetch

if (target !== undefined) {
  globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return url.hostname.endsWith('.workers.dev')
      ? realFetch(target + url.pathname + url.search, init)
      : realFetch(input, init)
  }
}
