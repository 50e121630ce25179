export * from './dashboard/index.js'
export * from './private-server/index.js'
export * from './trust/index.js'
