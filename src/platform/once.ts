/** Makes something when it is asked for first, and keeps it: an isolate that has just started makes only what it needs. */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
