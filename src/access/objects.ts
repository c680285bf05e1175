import type { Health } from '../gateway/health-object.ts'
import type { Ledger } from './ledger-object.ts'

/** The Worker's Durable Objects by their classes (`[exports]` in wrangler.toml). */
export interface Objects {
  readonly Ledger: DurableObjectNamespace<Ledger>
  readonly Health: DurableObjectNamespace<Health>
}

/** Gives the objects to those who ask: the platform makes them anew for each request, and hardly one in a hundred does. */
export type ObjectsOf<Name extends keyof Objects> = () => Pick<Objects, Name>
