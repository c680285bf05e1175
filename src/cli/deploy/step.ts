/** Prints the heading of a step. */
export function printStep(name: string): void {
  console.log(`\n— ${name}`)
}
