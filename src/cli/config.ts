/**
 * How a person wants the screen: a JSON file of the user's own. What stands in it are defaults, which the command line overrules. It changes
 * how things look, never what is loaded or run.
 */
import {mkdir} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import {isSystemError} from '../errors.js';
import {readPlain} from '../input.js';
import {checkPlace, replaceFile} from './files.js';

/** As it stands in the file; each as the option of that name takes it. */
export interface Config {
  readonly columns?: readonly string[];
  readonly sort?: string;
  readonly delay?: string;
  readonly theme?: string;
  readonly ascii?: boolean;
}

const checks: {readonly [Key in keyof Config]-?: (value: unknown) => boolean} = {
  columns: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  sort: (value) => typeof value === 'string',
  delay: (value) => typeof value === 'string',
  theme: (value) => typeof value === 'string',
  ascii: (value) => typeof value === 'boolean',
};

/** It has some 200 bytes. */
const mostBytes = 65_536;

/** The home directory of whoever this is; null: there is none, as of a uid that stands in no passwd without `$HOME`. */
export function homeOf(env: NodeJS.ProcessEnv): string | null {
  try {
    const home = env['HOME'] || homedir();
    return path.isAbsolute(home) ? home : null;
  } catch {
    return null;
  }
}

/** Where it is (XDG Base Directory Specification): an `$XDG_CONFIG_HOME` that isn't absolute counts as not set. null: nobody's home. */
export function configPath(env: NodeJS.ProcessEnv = process.env): string | null {
  const xdg = env['XDG_CONFIG_HOME'] ?? '';
  const home = homeOf(env);
  const base = path.isAbsolute(xdg) ? xdg : home && path.join(home, '.config');
  return base && path.join(base, 'bpftop-ts', 'config.json');
}

/**
 * Reads it.
 * @returns an empty one, with the reason, where there is something that can't be used: neither this user's own nor root's, all the
 * way (sudo keeps the caller's `$HOME` on some systems), writable for others, no plain file, no JSON, or of another form. What isn't a
 * setting is left out alone, with that as the reason. No file at all is no problem.
 */
export function readConfig(file: string | null): {readonly config: Config; readonly problem: string | null} {
  if (file === null) return {config: {}, problem: null};
  try {
    const {text} = readPlain(file, mostBytes, true);
    // Not before: what isn't there is no problem, wherever it isn't.
    checkPlace(path.dirname(file), 'own');
    const {config, others} = parse(text);
    const problem = others.length === 0 ? null : `there is no setting ${others.join(', ')} (${file})`;
    return {config, problem};
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return {config: {}, problem: null};
    // The reason first: the line on the screen is cut at half of its width.
    const why = error instanceof Error ? error.message : String(error);
    return {config: {}, problem: `config file left out: ${why.replace(/\.$/, '')} (${file})`};
  }
}

function parse(text: string): {readonly config: Config; readonly others: readonly string[]} {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Node's reason quotes what stands there, of whatever file that is.
    throw new Error('it is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no JSON object');
  const settings: [string, unknown][] = [];
  const others: string[] = [];
  for (const [key, setting] of Object.entries(value)) {
    if (!Object.hasOwn(checks, key)) others.push(key);
    else if (checks[key as keyof Config](setting)) settings.push([key, setting]);
    else throw new Error(`'${key}' can't be that`);
  }
  return {config: Object.fromEntries(settings), others};
}

/**
 * Writes it, readable for this user alone, and makes its directory where there is none.
 * @throws the fs error; an Error where something else than a plain file is in its place, or another user could have a say in where it
 * goes. Nothing has changed then.
 */
export async function writeConfig(file: string, config: Config): Promise<void> {
  const dir = path.dirname(file);
  checkPlace(dir, 'own');
  await mkdir(dir, {recursive: true, mode: 0o700});
  await replaceFile(file, `${JSON.stringify(config, null, 2)}\n`);
}
