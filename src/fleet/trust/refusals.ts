/** Why a task was refused. */
export type RefusalReason =
  | 'unsigned'
  | 'unknown-key'
  | 'altered'
  | 'wrong-queue'
  | 'wrong-job'
  | 'expired'
  | 'replayed'

/** All reasons, in the order in which they are looked for. */
export const REFUSAL_REASONS: readonly RefusalReason[] = [
  'unsigned',
  'unknown-key',
  'altered',
  'wrong-queue',
  'wrong-job',
  'expired',
  'replayed',
]

/** How many tasks were refused, by reason. */
export type RefusalCounts = Readonly<Record<RefusalReason, number>>

export function noRefusals(): Record<RefusalReason, number> {
  return Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<RefusalReason, number>
}
