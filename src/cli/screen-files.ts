/** What the live screen writes for who asks it to: what is shown, and what the next one shall begin with. */
import path from 'node:path';
import {isSystemError} from '../errors.js';
import {selectGroups, selectProgs} from '../model/select.js';
import type {ScreenFiles, Settings, Shown} from '../ui/index.js';
import {type Config, homeOf, readConfig, writeConfig} from './config.js';
import {kindOf, replaceFile, writeNew} from './files.js';
import {fieldsOf, writers} from './stream.js';

/** The forms that a file can have, by the end of its name. */
const formats = {'.json': 'json', '.csv': 'csv'} as const;

/** @param config path of the config file; null: nobody's home. */
export function screenFiles(config: string | null): ScreenFiles {
  return {
    async write(name, shown, replace) {
      const format = formatOf(name);
      if (!format) return failed('The name ends with .json or .csv.');
      const file = pathOf(name);
      try {
        await (replace ? replaceFile : writeNew)(file, textOf(shown, format));
        const lacks = shown.selection.since ? '. Changes are not in it: diff compares two of them, as .json.' : '';
        return {kind: 'done', sentence: `Written: ${file}${lacks}`};
      } catch (error) {
        if (!isSystemError(error)) return failed((error as Error).message);
        if (error.code !== 'EEXIST') return failed(explained(error));
        return (await kindOf(file).catch(() => 'other')) === 'file'
          ? {kind: 'exists'}
          : failed(`${error.syscall}: EEXIST. Something is there that is no plain file.`);
      }
    },
    async save(settings) {
      if (config === null) return failed('Not saved: there is no home directory; set XDG_CONFIG_HOME.');
      const {problem} = readConfig(config);
      // A person's own file with a slip in it isn't lost by a key.
      if (problem !== null) return failed(`Not saved: ${problem}`);
      try {
        await writeConfig(config, configOf(settings));
        return {kind: 'done', sentence: `Saved: ${config}`};
      } catch (error) {
        return failed(`Not saved: ${isSystemError(error) ? explained(error) : (error as Error).message} (${config})`);
      }
    },
  };
}

function failed(sentence: string): {readonly kind: 'failed'; readonly sentence: string} {
  return {kind: 'failed', sentence};
}

const remedies: Readonly<Record<string, string>> = {
  EACCES: 'That is not permitted there.',
  EPERM: 'That is not permitted there.',
  EROFS: 'Nothing can be written there.',
  ENOSPC: 'There is no room left.',
  EDQUOT: 'There is no room left.',
  ENOENT: 'There is no such directory.',
  ENOTDIR: 'A part of the path is no directory.',
  EISDIR: 'It is a directory.',
  ENAMETOOLONG: 'The name is too long.',
  ELOOP: 'It is a symbolic link.',
};

function explained({syscall, code}: {readonly syscall: string; readonly code: string}): string {
  return `${syscall}: ${code}. ${remedies[code] ?? 'Try another place.'}`;
}

function formatOf(name: string): 'json' | 'csv' | undefined {
  return formats[path.extname(name).toLowerCase() as keyof typeof formats];
}

/** From the directory the tool was started in; `~/` is home, as in a shell. */
function pathOf(name: string): string {
  const home = name.startsWith('~/') ? homeOf(process.env) : null;
  return path.resolve(home === null ? name : path.join(home, name.slice(2)));
}

/** As `--format` gives it for these choices, on one line; without the tool's own programs where they aren't shown. */
function textOf({measured, selection, grouping, columns}: Shown, format: 'json' | 'csv'): string {
  return writers[format]({
    measured,
    progs: selectProgs(measured.progs, selection),
    by: grouping,
    groups: grouping && selectGroups(measured.progs, grouping, selection),
    columns: fieldsOf(columns),
    first: true,
    options: selection,
    indent: 0,
  });
}

/** What the next start reads to the same screen. */
function configOf({columns, sort, delayMs, look: {ascii, theme}}: Settings): Config {
  return {
    ...(columns && {columns}),
    sort: `${sort.field.key}:${sort.descending ? 'desc' : 'asc'}`,
    delay: `${delayMs}ms`,
    theme,
    ascii,
  };
}
