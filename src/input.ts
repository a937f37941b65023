/** Files that a person names to be read: nothing is waited for but their bytes, and whoever waits can be ended by a signal. */
import {closeSync, constants, createReadStream, fstatSync, openSync, type ReadStream, readSync} from 'node:fs';
import {Socket} from 'node:net';
import {type ExitStatus, exitStatus, failedCall, isSystemError, UserError} from './errors.js';

// Not waiting for whoever might write into a FIFO, and no terminal becomes this process's own.
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** What is read from one end to the other. */
export interface Input {
  /** What a person calls it. */
  readonly name: string;
  /** @throws UserError where it can't be read any further: 77 where that isn't permitted, else 1. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Whether it may be being written right now: it is no plain file, which has all it will have. */
  readonly live: boolean;
  /** Gives it back. Idempotent. */
  readonly close: () => void;
}

/**
 * Opens a plain file or a pipe; `-` is stdin.
 * @param verb what cannot be done where it can't be read.
 * @throws UserError: it is a terminal (2), may not be read (77), or can't be (1).
 */
export function openInput(file: string, verb: 'compare' | 'replay'): Input {
  const name = file === '-' ? 'stdin' : file;
  const refused = (why: string, status: ExitStatus) => new UserError(`cannot ${verb} ${name}: ${why}`, status);
  const failed = (error: unknown) =>
    failedCall(`cannot ${verb} ${name}`, error, {
      ENOENT: 'Look for it with ls.',
      otherwise: 'Look at what it is, its owner and mode, and at the disk.',
    });
  try {
    const fd = file === '-' ? 0 : openSync(file, flags);
    const stat = fstatSync(fd);
    let stream: ReadStream | Socket;
    if (file === '-' && process.stdin.isTTY)
      throw refused('it is a terminal. Pipe into it what bpftop-ts --record - writes.', exitStatus.usage);
    else if (file === '-' && !stat.isDirectory()) stream = process.stdin;
    else if (stat.isFile()) stream = createReadStream(file, {fd});
    // Not in a thread that waits for its first writer, and the end of the process for that.
    else if (stat.isFIFO()) stream = new Socket({fd, readable: true, writable: false});
    else {
      if (file !== '-') closeSync(fd);
      throw refused('it is neither a file nor a pipe.', exitStatus.failed);
    }
    // What went wrong is told to who reads.
    stream.on('error', () => {});
    return {name, chunks: chunksOf(stream, failed), live: !stat.isFile(), close: () => void stream.destroy()};
  } catch (error) {
    throw failed(error);
  }
}

async function* chunksOf(
  stream: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* stream;
  } catch (error) {
    throw failed(error);
  }
}

/**
 * All the text of a plain file, and who may read it.
 * @param own whether it must be this user's, or root's: not by a symbolic link, and nobody else may write to it.
 * @throws the fs error; an Error that says what is wrong with it, without a full stop.
 */
export function readPlain(
  file: string,
  mostBytes: number,
  own = false,
): {readonly text: string; /** st_mode */ readonly mode: number} {
  const fd = own ? openItself(file) : openSync(file, flags);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('it is no plain file');
    // Windows has no uids, and modes that say nothing: there a home is one's own.
    const uid = own ? process.geteuid?.() : undefined;
    if (uid !== undefined && stat.uid !== uid && stat.uid !== 0) throw new Error('it belongs to another user');
    if (uid !== undefined && (stat.mode & 0o022) !== 0) throw new Error('others may write to it');
    // Its size isn't asked for: it may be growing, and files of the kernel's own have none.
    const bytes = Buffer.alloc(mostBytes + 1);
    let length = 0;
    for (let more = -1; more !== 0 && length <= mostBytes; length += more)
      more = readSync(fd, bytes, length, bytes.length - length, null);
    if (length > mostBytes) throw new Error('it is too large');
    return {text: bytes.toString('utf8', 0, length), mode: stat.mode};
  } finally {
    closeSync(fd);
  }
}

/** Not what a link in its place leads to. */
function openItself(file: string): number {
  try {
    return openSync(file, flags | constants.O_NOFOLLOW);
  } catch (error) {
    // Or links without an end, on the way.
    if (isSystemError(error) && error.code === 'ELOOP') throw new Error('it is a symbolic link', {cause: error});
    throw error;
  }
}
