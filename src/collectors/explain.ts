/** What it means to a person that a source could not be read. */
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';

/** Sentences that say what to do, by what is wrong. */
export interface Remedies {
  /** What could not be done; told by the call alone by default. */
  readonly what?: string;
  /** EPERM, EACCES */
  readonly notPermitted: string;
  /** EINVAL, ENOSYS: the kernel has no such call; none by default. */
  readonly unsupported?: string;
}

/** A UserError (77, 69 or 1) with the call, the errno and the remedy; what isn't a failed call stays what it is. */
export function explain(error: unknown, {what, notPermitted, unsupported}: Remedies): unknown {
  if (!isSystemError(error)) return error;
  const {code, syscall} = error;
  const [remedy, status] = isNotPermitted(code)
    ? [notPermitted, exitStatus.notPermitted]
    : unsupported !== undefined && (code === 'EINVAL' || code === 'ENOSYS')
      ? [unsupported, exitStatus.unavailable]
      : code === 'EMFILE' || code === 'ENFILE'
        ? ['Too many files are open; raise the limit with ulimit -n.', exitStatus.failed]
        : ['Try again; if it stays, please report it.', exitStatus.failed];
  return new UserError(`${what === undefined ? '' : `${what}: `}${syscall}: ${code}. ${remedy}`, status, {cause: error});
}
