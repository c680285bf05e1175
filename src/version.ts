/** Router9's version; a test keeps it equal to the one in `package.json`, which is too much to bundle for it. */
export const VERSION = '0.1.0'
