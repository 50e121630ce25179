import type { Task } from '../../src/task/task.js'
import type { FakeChild, FakeLauncher, FakePlan } from './fake-launcher.js'

/** A task for a fake launcher, found again by its name. */
export const named = (name: string, more: Partial<Task> = {}): Task => ({ command: name, args: [], ...more })

export const nameOf = (child: FakeChild): string => String(child.spec.file)

/** The names of all that were started, in order. */
export const startedIn = (launcher: FakeLauncher): string[] => launcher.children.map(nameOf)

/** The latest child of that name. */
export function childOf(launcher: FakeLauncher, name: string): FakeChild {
  const child = launcher.children.findLast((candidate) => nameOf(candidate) === name)
  if (child === undefined) throw new Error(`${name} was not started; started were ${startedIn(launcher).join(', ')}`)
  return child
}

/** Ends the latest child of that name, which the test is in charge of. */
export function finish(launcher: FakeLauncher, name: string, exitCode = 0): void {
  const child = childOf(launcher, name)
  if (child.phase === 'starting') child.spawn()
  child.exit({ exitCode })
}

/** The plan is the task's own: JSON as its first argument. */
export const planOfTask = (child: FakeChild): FakePlan => JSON.parse(String(child.spec.args[0] ?? '{}'))

export const planned = (plan: FakePlan, more: Partial<Task> = {}): Task => ({
  command: 'planned',
  args: [JSON.stringify(plan)],
  ...more,
})

/** Lets all that is due happen. */
export async function settle(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve))
}
