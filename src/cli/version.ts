/**
 * The version that `--version` prints.
 * @module
 */

/** Version of this package; a test holds it equal to package.json, which a bundle or a restricted runtime cannot read. */
export const VERSION = '0.1.0'
