/**
 * Preloaded into a program under test: what it asks of an address of workers.dev comes to the Worker on this machine. The
 * address stays what it is everywhere else.
 */
const target = process.env.WORKERS_DEV_AT
const reach = globalThis.fetch

if (target !== undefined) {
  globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return url.hostname.endsWith('.workers.dev') ? reach(target + url.pathname + url.search, init) : reach(input, init)
  }
}
