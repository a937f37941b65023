/** Files that are written for a person: whole or not at all, readable for them alone unless said otherwise, and never through a symbolic link. */
import {closeSync, constants, fchmodSync, fsyncSync, lstatSync, openSync, renameSync, rmSync, writeFileSync} from 'node:fs';

const {O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY} = constants;

/** For whom it is readable. */
const ownerAlone = 0o600;

/**
 * Writes a file that must not be there yet.
 * @throws the fs error; EEXIST: it is there, whatever it is. No part of it stays.
 */
export function writeNew(file: string, text: string, mode = ownerAlone): void {
  // O_EXCL: not through a link either, wherever it leads.
  const fd = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, ownerAlone);
  try {
    // Not by open(): what others are to read, they are, whatever the umask.
    if (mode !== ownerAlone) fchmodSync(fd, mode);
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    rmSync(file, {force: true});
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file in the place of what is there, by way of one beside it.
 * @throws the fs error, and where something else than a plain file is there; nothing has changed then.
 */
export function replaceFile(file: string, text: string, mode = ownerAlone): void {
  if (lstatSync(file, {throwIfNoEntry: false})?.isFile() === false) throw new Error(`${file} is no plain file.`);
  const beside = `${file}.${process.pid}`;
  writeNew(beside, text, mode);
  try {
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, {force: true});
    throw error;
  }
}
