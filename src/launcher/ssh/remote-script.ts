import type { LauncherBuild } from '../native/builds.js'
import { PROTOCOL_VERSION } from '../native/wire.js'

/**
 * What is run on a host. The login shell there, whichever it is, hands one quoted word to sh, and nothing of the user's is in it: commands,
 * folders and variables go through the launcher's frames.
 */

/** Sets `d`, the folder for launchers, and `ok FILE HASH BYTES`, which says whether a file is what it should be. */
const PRELUDE = [
  'd=${XDG_CACHE_HOME:-$HOME/.cache}/drover',
  'ok() { s=$(sha256sum < "$1" 2>/dev/null || shasum -a 256 < "$1" 2>/dev/null)',
  'case $s in "$2 "*) return 0;; ?*) return 1;; esac',
  'test $(wc -c < "$1") -eq $3; }',
].join('; ')

/** Says what there is, and becomes the launcher where it is there; see {@link readAnswer}. */
export function startScript(mark: string, builds: readonly LauncherBuild[]): string {
  const cases = builds.map(({ systems, sha256, bytes }) => {
    const pattern = systems.map((system) => `"${system}"`).join('|')
    return `${pattern}) h=${sha256}; b=${bytes.length};;`
  })
  return inSh(
    [
      PRELUDE,
      'm=$(uname -s -m); h=; b=0',
      `case $m in ${cases.join(' ')} esac`,
      'f=$d/launcher-$h',
      'n=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)',
      'a=missing; if test -z "$h"; then a=unknown; elif test -x "$f" && ok "$f" $h $b; then a=ready; fi',
      // What a profile has printed may not have ended its line.
      `echo; echo "${mark} $a $n $m"`,
      `if test $a = ready; then exec "$f" ${PROTOCOL_VERSION} relay; fi`,
    ].join('; '),
  )
}

/** Stores the launcher that comes on its standard input; what others see is whole, or not there. */
export function storeScript(mark: string, { sha256, bytes }: LauncherBuild): string {
  return inSh(
    [
      PRELUDE,
      'umask 077',
      `t=$d/.${mark}`,
      'mkdir -p "$d" || exit 1',
      `if cat > "$t" && ok "$t" ${sha256} ${bytes.length} && chmod 700 "$t" && mv -f "$t" "$d/launcher-${sha256}"; then echo; echo "${mark} stored 0 -"; else rm -f "$t"; exit 1; fi`,
    ].join('; '),
  )
}

/** Every shell there is takes this for one word: there is no quote, no backslash, no ! and no newline in it. */
function inSh(script: string): string {
  return `exec sh -c '${script}'`
}

export interface HostAnswer {
  /** `ready`: the launcher's frames follow. `missing`: it is to be stored first. `unknown`: there is none for this kind of machine. */
  readonly state: 'ready' | 'missing' | 'unknown' | 'stored'
  readonly cpus: number
  /** As `uname -s -m` has it. */
  readonly system: string
  /** What came after it. */
  readonly rest: Buffer
}

/** The answer in what has come so far, wherever a profile's own words end; null while it is not there. */
export function readAnswer(bytes: Buffer, mark: string): HostAnswer | null {
  const at = bytes.indexOf(`\n${mark} `)
  const end = at === -1 ? -1 : bytes.indexOf('\n', at + 1)
  if (end === -1) return null
  const [, state, cpus, ...system] = bytes.toString('utf8', at + 1, end).split(' ')
  return {
    state: state as HostAnswer['state'],
    cpus: Math.max(1, Number(cpus) || 1),
    system: system.join(' '),
    rest: bytes.subarray(end + 1),
  }
}
