'use strict'
// A bundle's compiled code beside it, so that a start need not compile it. One file for each version of Node, since V8
// refuses what another version has made; where there is none for this one, the bundle is loaded as usual.
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const Module = require('node:module')
const { dirname } = require('node:path')
const { Script } = require('node:vm')

/** @param {string} bundle */
function cacheOf(bundle) {
  return `${bundle}.${process.version}-${process.platform}-${process.arch}.cache`
}

/**
 * @param {string} bundle
 * @param {Buffer} [cachedData]
 */
function start(bundle, cachedData) {
  const source = Module.wrap(readFileSync(bundle, 'utf8'))
  const script = new Script(source, { filename: bundle, ...(cachedData && { cachedData }) })
  const module = new Module(bundle)
  module.filename = bundle
  // Parts of the bundle that are loaded later require it in their turn.
  require.cache[bundle] = module
  script.runInThisContext()(module.exports, Module.createRequire(bundle), module, bundle, dirname(bundle))
  return script
}

/**
 * Runs a bundle by its cache. False, with nothing done, where there is no cache for this version of Node.
 *
 * @param {string} bundle
 */
exports.load = (bundle) => {
  const cache = cacheOf(bundle)
  if (!existsSync(cache)) return false
  start(bundle, readFileSync(cache))
  return true
}

/**
 * Runs a bundle, and at the end of this process writes what has been compiled by then.
 *
 * @param {string} bundle
 */
exports.record = (bundle) => {
  /** @type {Script | null} */
  let script = null
  process.on('exit', () => script !== null && writeFileSync(cacheOf(bundle), script.createCachedData()))
  script = start(bundle)
}
