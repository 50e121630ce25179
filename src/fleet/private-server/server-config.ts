import type { ServerFiles } from './server-folder.js'

/**
 * The configuration of the server: reached through its socket by this user only. Everything is in the append-only file, which is
 * given to the system with each command and to the disk once a second. Nothing is ever evicted, as BullMQ needs it.
 */
export function serverConfig({ socket, data, log }: ServerFiles): string {
  return `# Written by drover each time that it starts this server.
port 0
unixsocket ${JSON.stringify(socket)}
unixsocketperm 600
dir ${JSON.stringify(data)}
logfile ${JSON.stringify(log)}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
`
}
