export { type PrivateServer, type PrivateServerOptions, privateServer } from './private-server.js'
