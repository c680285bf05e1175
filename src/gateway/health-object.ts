import { DurableObject } from 'cloudflare:workers'

/**
 * The class that will keep what a region knows of its providers' health. It is declared so that deployments carry its
 * storage from the first one on; nothing calls it before health is tracked.
 */
export class Health extends DurableObject {}
