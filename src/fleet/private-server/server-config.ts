import type { ServerFiles } from './server-folder.js'

/**
 * The configuration of the server: reached through its socket by this user only. Everything is in the append-only file, which
 * each command is written to before it is confirmed; the keeper gives it to the disk. Nothing is ever evicted, as BullMQ needs it.
 */
export function serverConfig({ socket, data, log }: ServerFiles): string {
  return `# Written by drover each time that it starts this server.
port 0
unixsocket ${JSON.stringify(socket)}
unixsocketperm 600
dir ${JSON.stringify(data)}
logfile ${JSON.stringify(log)}
appendonly yes
appendfsync no
save ""
maxmemory-policy noeviction
daemonize no
`
}
