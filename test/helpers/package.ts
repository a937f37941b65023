/** The package as it is published. */
import {spawnSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** Runs a command to its end, without what the test runner puts before every process; what it printed. */
export function outputOf(command: string, words: readonly string[], cwd = root): string {
  const {status, stdout, stderr, error} = spawnSync('env', ['-u', 'NODE_OPTIONS', command, ...words], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

/** What npm says of a tarball that it made. */
export interface Packed {
  /** Bytes. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly {readonly path: string; readonly mode: number}[];
  /** Where it is. */
  readonly tarball: string;
}

/** `npm pack` of a checkout, into a folder. */
export function pack(folder: string, checkout = root): Packed {
  mkdirSync(folder, {recursive: true});
  const said = outputOf('npm', ['pack', '--silent', '--json', '--pack-destination', folder], checkout);
  const [packed] = JSON.parse(said) as [Packed & {filename: string}];
  return {...packed, tarball: path.join(folder, packed.filename)};
}

/** `npm pack` of a checkout, unpacked; what is in the package is in `folder`. */
export function unpack({tarball}: Packed, folder: string): string {
  mkdirSync(folder, {recursive: true});
  outputOf('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
  return folder;
}
