// Runs after `npm ci`, on whatever Node that is: plain JavaScript. The Node that the programs here run on is a package for
// each system, locked with its checksum; its link is made here, since npm before version 11 loses it: with the packages of the
// other systems it takes away the links that they would have made, which have the same name.
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = process.argv[2] ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')
const ON_WINDOWS = process.platform === 'win32'

const { optionalDependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
const system = `${ON_WINDOWS ? 'win' : process.platform}-${process.arch}`
const name = [`node-${system}`, `node-bin-${system}`].find((one) => one in optionalDependencies)

if (name === undefined) {
  // Nothing is there for this system; its own Node does where it reads TypeScript.
  if (!process.features.typescript) stop(`There is no Node for ${system} here: install Node 22.18 or newer.`)
} else {
  const program = path.join(ROOT, 'node_modules', name, ON_WINDOWS ? 'bin/node.exe' : 'bin/node')
  // npm passes over an optional package that it cannot get, or whose checksum is wrong, without a word.
  if (!existsSync(program)) {
    stop(`npm could not install ${name} ${optionalDependencies[name]}, which runs Router9: try npm ci again.`)
  }
  link(program)
}

/** @param {string} program */
function link(program) {
  const folder = path.join(ROOT, 'node_modules/.bin')
  const target = path.join(folder, ON_WINDOWS ? 'node.exe' : 'node')
  if (isSame(program, target)) return
  mkdirSync(folder, { recursive: true })
  if (ON_WINDOWS) {
    // It may be what runs this, and can then be moved, but not deleted.
    if (existsSync(target)) renameSync(target, `${target}.old`)
    // Symbolic links are a privilege there; and a program goes before the scripts that npm makes.
    linkSync(program, target)
  } else {
    rmSync(target, { force: true })
    symlinkSync(path.relative(folder, program), target)
  }
}

/**
 * @param {string} one
 * @param {string} other
 */
function isSame(one, other) {
  const [first, second] = [one, other].map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev
}

/** @param {string} complaint */
function stop(complaint) {
  console.error(complaint)
  process.exit(1)
}
