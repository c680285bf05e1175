/** What a pull request's preview needs of Cloudflare beside wrangler: a KV namespace of its own. */
export interface Cloudflare {
  /** The namespace of that title, made where there is none. */
  readonly namespace: (title: string) => Promise<string>
  readonly putKey: (namespace: string, name: string, value: unknown, seconds: number) => Promise<void>
  readonly deleteKey: (namespace: string, name: string) => Promise<void>
  /** Whether there was one. */
  readonly deleteNamespace: (title: string) => Promise<boolean>
}

/** Cloudflare's answer was a no. */
export class CloudflareError extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

interface Reply {
  readonly success?: boolean
  readonly result?: unknown
  readonly errors?: readonly { readonly code: number; readonly message: string }[]
}

interface Namespace {
  readonly id: string
  readonly title: string
}

const PAGE_ITEMS = 1000
const TIMEOUT_MS = 30_000

/** Cloudflare's API with one account's token. */
export function cloudflareAt(base: string, account: string, token: string): Cloudflare {
  const call = async (method: string, path: string, body?: FormData | object): Promise<Reply> => {
    const form = body instanceof FormData
    const response = await fetch(`${base}/accounts/${account}/storage/kv/namespaces${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined || form ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    })
    const reply = (await response.json().catch(() => ({}))) as Reply
    if (response.ok && reply.success !== false) return reply
    throw new CloudflareError(refusal(response.status, reply), response.status)
  }
  const find = async (title: string): Promise<Namespace | undefined> => {
    for (let page = 1; ; page++) {
      const { result } = await call('GET', `?per_page=${PAGE_ITEMS}&page=${page}`)
      const found = (result as readonly Namespace[]).find((one) => one.title === title)
      if (found !== undefined || (result as readonly Namespace[]).length < PAGE_ITEMS) return found
    }
  }
  return {
    namespace: async (title) => {
      const found = await find(title)
      if (found !== undefined) return found.id
      const { result } = await call('POST', '', { title })
      return (result as Namespace).id
    },
    putKey: async (namespace, name, value, seconds) => {
      const form = new FormData()
      form.set('value', JSON.stringify(value))
      form.set('metadata', JSON.stringify(value))
      await call('PUT', `/${namespace}/values/${encodeURIComponent(name)}?expiration_ttl=${seconds}`, form)
    },
    deleteKey: async (namespace, name) => {
      await call('DELETE', `/${namespace}/values/${encodeURIComponent(name)}`)
    },
    deleteNamespace: async (title) => {
      const found = await find(title)
      if (found === undefined) return false
      await call('DELETE', `/${found.id}`)
      return true
    },
  }
}

function refusal(status: number, { errors = [] }: Reply): string {
  const said = errors.map(({ code, message }) => `${message} [code: ${code}]`).join('; ')
  const what = `Cloudflare answers ${status}${said === '' ? '' : `: ${said}`}.`
  if (status !== 401 && status !== 403) return what
  return `${what} CLOUDFLARE_API_TOKEN must be a token of the account CLOUDFLARE_ACCOUNT_ID that may edit Workers Scripts and Workers KV Storage.`
}
