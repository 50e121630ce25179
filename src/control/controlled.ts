import type { OutputFollower } from '../dispatch/recent-output.js'
import type { Followed, LiveTask } from '../dispatch/steering.js'
import type { LiveRun } from './protocol.js'

/** Something that goes on in this process and can be seen and steered from elsewhere. */
export interface Controlled {
  /** The run's id. */
  readonly run: string
  /** All but the tasks. */
  status(): LiveRun
  /** Absent where single tasks are not known. */
  tasks?(): readonly LiveTask[]
  /** Ends it, as SIGTERM does. */
  cancel(): void
  /** @throws DroverError when there is no such task. */
  cancelTask?(which: string): LiveTask
  /** @throws DroverError when it cannot be followed. */
  follow?(which: string, follower: OutputFollower): Followed
  pause(): void
  resume(): void
  /** @throws OptionError for a number that cannot be. */
  setJobs(jobs: number): void
}
