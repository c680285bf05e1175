/** Workers to measure against, as the modules that workerd runs: they do what no gateway can do without. */

/** The limit: asks the upstream and returns its answer, and no byte of it is seen by JavaScript. */
export const PASSTHROUGH = `export default {
  fetch(request, env) {
    return fetch(env.UPSTREAM + request.url.slice(request.url.indexOf('/', 8)), request)
  },
}
`

/** What any gateway pays that looks at a stream: each piece read and written once, unchanged. */
export const COPY_LOOP = `export default {
  async fetch(request, env, context) {
    const response = await fetch(env.UPSTREAM + request.url.slice(request.url.indexOf('/', 8)), request)
    const { readable, writable } = new IdentityTransformStream()
    context.waitUntil(copy(response.body.getReader(), writable.getWriter()))
    return new Response(readable, response)
  },
}

async function copy(reader, writer) {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    await writer.write(value)
  }
  await writer.close()
}
`

/** Router9 with its Durable Objects watched: what they are asked is counted, and they can be made to hang. */
export function watchedRouter9(objects: readonly string[]): string {
  const classes = objects.map((name) => `export const ${name} = watched(all.${name}, '${name}')`).join('\n')
  return `${WATCH}\n${classes}\n`
}

const WATCH = `import router9 from 'router9.js'
import * as all from 'router9.js'

const calls = {}
let hung = false

function watched(Base, label) {
  calls[label] = 0
  class Watched extends Base {}
  for (let proto = Base.prototype; proto && proto.constructor.name !== 'DurableObject'; proto = Object.getPrototypeOf(proto)) {
    for (const name of Object.getOwnPropertyNames(proto)) {
      const own = proto[name]
      // Nobody calls an object for its alarm.
      if (name === 'constructor' || name === 'alarm' || typeof own !== 'function' || Object.hasOwn(Watched.prototype, name)) continue
      Watched.prototype[name] = async function (...given) {
        calls[label]++
        if (hung) await new Promise((resolve) => setTimeout(resolve, 60_000))
        return own.apply(this, given)
      }
    }
  }
  return Watched
}

export default {
  fetch(request, env, context) {
    const { pathname } = new URL(request.url)
    if (pathname === '/bench/calls') return Response.json(calls)
    // Under V8's --expose-gc alone.
    if (pathname === '/bench/gc') return Response.json({ collected: (gc(), true) })
    if (pathname === '/bench/hang') return Response.json({ hung: (hung = true) })
    return router9.fetch(request, env, context)
  },
}
`
