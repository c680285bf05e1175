// Runs after `npm ci`, on the Node that npm itself runs on, so it is plain JavaScript. The Node for everything else is a package
// for each system, locked with its checksum. This program links it as `node_modules/.bin/node`. npm makes that link too, but npm
// before version 11 removes it again: it removes the packages for other systems, whose links have the same name.
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = process.argv[2] ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')
const ON_WINDOWS = process.platform === 'win32'

const { optionalDependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
const system = `${ON_WINDOWS ? 'win' : process.platform}-${process.arch}`
const name = [`node-${system}`, `node-bin-${system}`].find((one) => one in optionalDependencies)

if (name === undefined) {
  // There is no package for this system. Its own Node will do, if it can run TypeScript.
  if (!process.features.typescript) stop(`There is no Node for ${system} here: install Node 22.18 or newer.`)
} else {
  const program = path.join(ROOT, 'node_modules', name, ON_WINDOWS ? 'bin/node.exe' : 'bin/node')
  // npm skips an optional package that it cannot get, or whose checksum is wrong, and prints nothing.
  if (!existsSync(program)) {
    stop(`npm could not install ${name} ${optionalDependencies[name]}, which runs Router9: try npm ci again.`)
  }
  link(program)
}

/** @param {string} program */
function link(program) {
  const folder = path.join(ROOT, 'node_modules/.bin')
  const target = path.join(folder, ON_WINDOWS ? 'node.exe' : 'node')
  if (isSameFile(program, target)) return
  mkdirSync(folder, { recursive: true })
  if (ON_WINDOWS) {
    // It may be the program that runs this one. Windows lets such a file be moved, but not deleted.
    if (existsSync(target)) renameSync(target, `${target}.old`)
    // A hard link, since symbolic links need a privilege. Windows prefers an .exe to the scripts that npm makes.
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
function isSameFile(one, other) {
  const [first, second] = [one, other].map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev
}

/** @param {string} message */
function stop(message) {
  console.error(message)
  process.exit(1)
}
