/**
 * Letters and digits that no other call has given, in this process or another: the time, this process, and 48 random bits,
 * which V8 takes from the system's entropy when it starts. Not a secret.
 */
export function uniqueId(): string {
  const random = Math.floor(Math.random() * 2 ** 48)
  return `${Date.now().toString(36)}-${process.pid.toString(36)}${random.toString(36)}`
}
