/** What a dashboard needs of a queue of BullMQ's, whatever its jobs are. */
export interface BoardQueue {
  /** The queue's name. */
  readonly name: string
  /** How many jobs it has, by their state. */
  getJobCounts(): Promise<Readonly<Record<string, number>>>
}
