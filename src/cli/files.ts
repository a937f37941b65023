/**
 * Files that are written for a person: whole or not at all, readable for them alone unless said otherwise, never through a symbolic
 * link, and nowhere where anybody could put something else in the place of a directory.
 */
import {constants, lstatSync, readlinkSync} from 'node:fs';
import {type FileHandle, lstat, open, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import {UserError} from '../errors.js';

const {O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY} = constants;

/** For whom it is readable. */
const ownerAlone = 0o600;

/** O_EXCL: not through a link either, wherever it leads. Without O_NOFOLLOW there is Windows. */
const anew = O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0);

/** S_ISVTX (inode(7)) */
const sticky = 0o1000;
/** Links on the way to a directory; as many as the kernel follows (path_resolution(7)). */
const mostLinks = 40;

/**
 * Throws where others have a say in where a path leads. `any`, of a place that somebody has named: every user may write to a directory on
 * the way that isn't sticky, or has put a link into one that is. `own`, of one that nobody has named: a directory, or a link, on the
 * way is another user's, or a group may write to it; who has the home of somebody else, as with sudo on some systems, would otherwise
 * write where that one points to. What isn't there yet is made in what is.
 * @throws UserError, and the fs error where it can't be looked at.
 */
export function checkPlace(dir: string, whose: 'any' | 'own' = 'any', links = 0): void {
  const me = process.geteuid?.();
  // Windows has no such owners.
  if (me === undefined) return;
  const parts = path
    .resolve(dir)
    .split('/')
    .filter((part) => part !== '');
  let at = '/';
  let inSticky = false;
  for (let i = 0; i <= parts.length; i++) {
    const stat = lstatSync(at, {throwIfNoEntry: false});
    if (!stat) return;
    const {uid, gid, mode} = stat;
    const foreign = uid !== 0 && uid !== me;
    if (foreign && (whose === 'own' || (inSticky && stat.isSymbolicLink())))
      throw new UserError(`${at} belongs to another user.`);
    if (stat.isSymbolicLink()) {
      if (links >= mostLinks) throw new UserError(`too many links lead to ${dir}.`);
      const rest = parts.slice(i).join('/');
      return checkPlace(path.resolve(path.dirname(at), readlinkSync(at), rest), whose, links + 1);
    }
    // Who opens something below it is told so.
    if (!stat.isDirectory()) return;
    // A group of one's own, as most users have, is oneself.
    const byGroup = whose === 'own' && (mode & 0o020) !== 0 && gid !== process.getegid?.();
    const byOthers = (mode & 0o002) !== 0;
    // In a sticky directory everyone has their own.
    inSticky = (mode & sticky) !== 0;
    if ((byOthers || byGroup) && !inSticky) throw new UserError(`others may write to ${at}.`);
    inSticky &&= byOthers;
    at = path.join(at, parts[i] ?? '');
  }
}

/**
 * Makes a file that must not be there yet, readable for its owner alone.
 * @throws as `checkPlace`; EEXIST: it is there, whatever it is.
 */
export async function createNew(file: string): Promise<FileHandle> {
  checkPlace(path.dirname(file));
  return open(file, anew, ownerAlone);
}

/**
 * Writes a file that must not be there yet.
 * @throws as `createNew`. No part of it stays.
 */
export async function writeNew(file: string, text: string, mode = ownerAlone): Promise<void> {
  const handle = await createNew(file);
  try {
    // Not by open(): what others are to read, they are, whatever the umask.
    if (mode !== ownerAlone) await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(file, {force: true});
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file in the place of what is there, by way of one beside it.
 * @param beginning what a file begins with that may be replaced unasked, unless it is empty; `''`: any may.
 * @throws the fs error, and where something else than such a plain file is there; nothing has changed then.
 */
export async function replaceFile(file: string, text: string, mode = ownerAlone, beginning = ''): Promise<void> {
  const kind = await kindOf(file);
  if (kind === 'other') throw new UserError(`${file} is no plain file.`);
  if (kind === 'file' && beginning !== '' && !['', beginning].includes(await firstOf(file, beginning.length)))
    throw new UserError(`${file} is there, and is another's: it does not begin with '${beginning}'.`);
  // Of no fixed name: one that a killed process has left must not be in the way for ever.
  const beside = `${file}.${crypto.randomUUID()}`;
  await writeNew(beside, text, mode);
  try {
    await rename(beside, file);
  } catch (error) {
    await rm(beside, {force: true});
    throw error;
  }
}

/** As many bytes as a file begins with, or all of it. */
async function firstOf(file: string, bytes: number): Promise<string> {
  // What has come in its place since may be anything.
  const handle = await open(file, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  try {
    // All said: without a length Node 20.11 reads nothing.
    const {buffer, bytesRead} = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What is there; a link is something else, whatever it leads to. */
export async function kindOf(file: string): Promise<'file' | 'other' | 'nothing'> {
  try {
    return (await lstat(file)).isFile() ? 'file' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'nothing';
    throw error;
  }
}
