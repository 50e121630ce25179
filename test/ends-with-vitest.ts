// A process that runs tests outlives a vitest that is killed, and goes on with them, unless it ends itself. What it has started ends with it,
// see helpers/mortal.ts.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
