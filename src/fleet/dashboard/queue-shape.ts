/** What a dashboard needs of a queue of BullMQ's, whatever its jobs are. */
export interface BoardQueue {
  readonly name: string
  getJobCounts(): Promise<Readonly<Record<string, number>>>
}
