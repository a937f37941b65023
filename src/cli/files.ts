/**
 * Files that are written for a person: whole or not at all, readable for them alone unless said otherwise, and never through a symbolic
 * link.
 */
import {randomBytes} from 'node:crypto';
import {constants} from 'node:fs';
import {type FileHandle, lstat, open, rename, rm} from 'node:fs/promises';

const {O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY} = constants;

/** For whom it is readable. */
const ownerAlone = 0o600;

/**
 * Makes a file that must not be there yet.
 * @throws the fs error; EEXIST: it is there, whatever it is.
 */
export async function createNew(file: string): Promise<FileHandle> {
  // O_EXCL: not through a link either, wherever it leads.
  return open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, ownerAlone);
}

/**
 * Writes a file that must not be there yet.
 * @throws the fs error; EEXIST: it is there, whatever it is. No part of it stays.
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
 * @throws the fs error, and where something else than a plain file is there; nothing has changed then.
 */
export async function replaceFile(file: string, text: string, mode = ownerAlone): Promise<void> {
  if ((await kindOf(file)) === 'other') throw new Error(`${file} is no plain file.`);
  // Of no fixed name: one that a killed process has left must not be in the way for ever.
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  await writeNew(beside, text, mode);
  try {
    await rename(beside, file);
  } catch (error) {
    await rm(beside, {force: true});
    throw error;
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
