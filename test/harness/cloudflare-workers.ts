/** Stands where the Workers runtime has its base class, for modules that only mention it. */
export class DurableObject {}
