/** A worker for tests: doubles numbers, and does what it is told by words. */
export const setup = () => console.log('set up')

export async function handle(message) {
  if (message === 'throw') throw new RangeError('as it was told')
  if (message === 'exit') process.exit(7)
  if (message === 'die') process.kill(process.pid, 'SIGKILL')
  if (message === 'hang') await new Promise(() => setInterval(() => {}, 1000))
  if (typeof message !== 'number') return message
  console.log(`handling ${message}`)
  await new Promise((resolve) => setTimeout(resolve, (message * 7) % 5))
  return { twice: message * 2 }
}

export const teardown = () => console.error('torn down')
