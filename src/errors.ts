/** What can go wrong, as the person at the terminal will read it: one sentence, the cause, the remedy, an exit status. */

/** Exit statuses; 3 is for --fail-on; 69 and 77 are EX_UNAVAILABLE and EX_NOPERM of sysexits(3). 128 + n is added for an end by signal n. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  matched: 3,
  unavailable: 69,
  notPermitted: 77,
} as const;

/** One of them. */
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

/**
 * An error meant to be read by a person. Its message is complete: what failed, the call and errno where there was one, and
 * what to do. Everything else that is thrown is a bug and is printed with its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitStatus: ExitStatus;
  /** Lines to be shown below the message, such as what was typed and where it is wrong. */
  readonly excerpt: readonly string[];

  constructor(
    message: string,
    status: ExitStatus = exitStatus.failed,
    {excerpt = [], ...options}: ErrorOptions & {readonly excerpt?: readonly string[]} = {},
  ) {
    super(message, options);
    this.exitStatus = status;
    this.excerpt = excerpt;
  }
}

/** What the addon throws, and Node's own fs errors: a system call that failed. */
export interface SystemError extends Error {
  /** The errno's name, such as `EPERM`. */
  readonly code: string;
  /** The call, such as `bpf(BPF_PROG_GET_NEXT_ID)`. */
  readonly syscall: string;
}

/** True for an error that carries `code` and `syscall`. */
export function isSystemError(error: unknown): error is SystemError {
  return (
    error instanceof Error &&
    typeof (error as Partial<SystemError>).code === 'string' &&
    typeof (error as Partial<SystemError>).syscall === 'string'
  );
}

/**
 * A failed call on a file, or on what else a person named, as their error: 77 where it isn't permitted, else 1. Whatever else was thrown is
 * given back as it is.
 * @param remedies by errno's name.
 */
export function failedCall(
  what: string,
  error: unknown,
  remedies: {readonly otherwise: string; readonly [code: string]: string},
): unknown {
  if (!isSystemError(error)) return error;
  const {syscall, code} = error;
  const status = isNotPermitted(code) ? exitStatus.notPermitted : exitStatus.failed;
  return new UserError(`${what}: ${syscall}: ${code}. ${remedies[code] ?? remedies.otherwise}`, status, {cause: error});
}

/** Whether an errno's name says that one may not, rather than that it can't be. */
export function isNotPermitted(code: string): boolean {
  return code === 'EPERM' || code === 'EACCES';
}
