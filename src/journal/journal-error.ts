import { DroverError } from '../task/errors.js'

/**
 * A journal that cannot be used, or not any more: `ERR_DROVER_JOURNAL`. What was announced until then is in it. `cause` is
 * the system's error, where there is one.
 */
export class JournalError extends DroverError {
  override readonly name = 'JournalError'
  /** The journal, as it was named. */
  readonly path: string

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super('ERR_DROVER_JOURNAL', `the journal ${path} ${problem}`, options)
    this.path = path
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and go on with --resume',
  EDQUOT: 'the quota is used up; free some space and go on with --resume',
  EFBIG: 'it has reached the largest size that a file may have here (ulimit -f); raise it and go on with --resume',
  EROFS: 'the file system can only be read',
  EACCES: 'permission denied; let this user write there, or name another place',
  EPERM: 'it may not be written to; name another place',
  ENOENT: 'its directory does not exist; make it first',
  ENOTDIR: 'a part of its path is no directory; check the path',
  EISDIR: 'it is a directory; name a file',
  EMFILE: 'too many files are open (ulimit -n)',
  EIO: 'the disk has reported an error',
}

/** What is another matter for who only reads. */
const READING_ADVICE: Readonly<Record<string, string>> = {
  ...ADVICE,
  ENOENT: 'there is no such file; check the path',
  EACCES: 'permission denied; it belongs to another user, or give this one the right to read it',
  EPERM: 'it may not be read by this user',
}

/** An error of the system's, in words that say what to do. */
export function journalErrorOf(path: string, doing: string, error: unknown, advices = ADVICE): JournalError {
  if (error instanceof JournalError) return error
  const { code = 'unknown', message } = error as NodeJS.ErrnoException
  const advice = advices[code]
  const reason = advice === undefined ? message : `${advice} (${code})`
  return new JournalError(path, `cannot be ${doing}: ${reason}`, { cause: error })
}

/** The same for a journal that is only read; what is no error of the system's is given back as it is. */
export function readingErrorOf(path: string, error: unknown): unknown {
  const { syscall } = error as NodeJS.ErrnoException
  return syscall === undefined ? error : journalErrorOf(path, 'read', error, READING_ADVICE)
}

/** Whether somebody has named what is no journal, or is not there; a disk that fails while it is read is nobody's mistake. */
export function isMistakenJournal(error: unknown): error is JournalError {
  return error instanceof JournalError && (error.cause as NodeJS.ErrnoException | undefined)?.syscall !== 'read'
}
