/**
 * What a child inherits from this process besides its environment and directory. Says whether it is still the same as at
 * the last call.
 */
export class CredentialsWatch {
  #uid: number | undefined
  #euid: number | undefined
  #gid: number | undefined
  #egid: number | undefined
  #umask: number | undefined
  #groups: readonly number[] = []

  hasChanged(): boolean {
    const groups = process.getgroups?.() ?? []
    const same =
      this.#uid === process.getuid?.() &&
      this.#euid === process.geteuid?.() &&
      this.#gid === process.getgid?.() &&
      this.#egid === process.getegid?.() &&
      this.#umask === process.umask() &&
      groups.length === this.#groups.length &&
      groups.every((group, n) => group === this.#groups[n])
    if (same) return false
    this.#uid = process.getuid?.()
    this.#euid = process.geteuid?.()
    this.#gid = process.getgid?.()
    this.#egid = process.getegid?.()
    this.#umask = process.umask()
    this.#groups = groups
    return true
  }
}

/** The working directory; null when it has been removed. */
export function currentDirectory(): string | null {
  try {
    return process.cwd()
  } catch {
    return null
  }
}
