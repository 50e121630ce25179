export * from './private-server/index.js'
export * from './trust/index.js'
