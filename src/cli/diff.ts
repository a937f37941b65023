/** Compares two files, or one and stdin: reads both, writes what differs, says what broke a rule. */
import {exitStatus} from '../errors.js';
import {openInput} from '../input.js';
import {breaks} from '../model/change-rule.js';
import {comparedKeys, diff, isIdle, type Side, sortDiff} from '../model/diff.js';
import type {Filter} from '../model/filter.js';
import {formatNumberOf} from '../model/format.js';
import {
  diffName,
  formatChange,
  formatSides,
  type ToldDiff,
  toDiffJson,
  toDiffMarkdown,
  toDiffTable,
} from '../output/diff.js';
import {inAscii} from '../ui/theme.js';
import {version} from '../version.js';
import {SideReader} from './diff-side.js';
import type {DiffOptions} from './options.js';
import {say} from './report.js';
import {takesAsciiAlone, write} from './stream.js';

/** As many programs as are named that break rules. */
const mostNamed = 20;

/**
 * Compares, and writes it.
 * @returns 3 when a program broke a rule.
 */
export async function runDiff(options: DiffOptions): Promise<number> {
  const before = await readSide(options.before, options.filter);
  const after = await readSide(options.after, options.filter);
  const found = diff(before, after);
  for (const side of [before, after])
    if (!side.whole)
      say(
        `${side.name} does not have all programs (--filter, --limit): of those it lacks it isn't known whether they were there.`,
      );
  const all = sortDiff(found.progs, options.sort).map((prog) => ({
    prog,
    broken: options.failOn.filter((rule) => breaks(prog, rule)),
  }));
  // JSON has all of them; people have no use for lines of noughts.
  const busy = options.format === 'json' ? all : all.filter(({prog}) => !isIdle(prog));
  const progs = busy.slice(0, options.limit ?? undefined);
  const told: ToldDiff = {
    diff: found,
    progs: progs.map(({prog, broken}) => ({prog, broken: broken.map(({text}) => text)})),
    more: busy.length - progs.length,
    idle: all.length - busy.length,
  };
  const indent = process.stdout.isTTY ? 2 : 0;
  const text = {
    table: () => toDiffTable(told),
    markdown: () => toDiffMarkdown(told),
    json: () => toDiffJson(told, {version, indent}),
  }[options.format]();
  const ascii = options.format === 'table' && takesAsciiAlone(options.look);
  await write(`${ascii ? inAscii(text) : text}\n`);
  const broken = all.flatMap(({prog, broken: rules}) => rules.map((rule) => ({prog, rule})));
  for (const {prog, rule} of broken.slice(0, mostNamed)) {
    const change = `${formatSides(prog, rule.key)} (${formatChange(prog, rule.key).replace(/ [~?]$/, '')})`;
    const doubt =
      prog.noise[comparedKeys[rule.key]] === 'unknown' ? ', which may be noise: a side has too few readings' : '';
    say(`--fail-on '${rule.text}' is true of ${prog.type} ${diffName(prog)}: ${change}${doubt}.`);
  }
  if (broken.length > mostNamed) say(`--fail-on is true ${formatNumberOf(broken.length - mostNamed, 'time')} more.`);
  return broken.length > 0 ? exitStatus.matched : exitStatus.done;
}

/** Before it is said that nothing comes, ms. */
const patienceMs = 2000;

async function readSide(file: string, filter: Filter): Promise<Side> {
  const {name, chunks} = openInput(file, 'compare');
  const reader = new SideReader(name, filter);
  const late = setTimeout(() => say(`nothing comes from ${name} yet: waiting for it.`), patienceMs);
  try {
    for await (const chunk of chunks) {
      clearTimeout(late);
      reader.push(chunk);
    }
  } finally {
    clearTimeout(late);
  }
  const {side, warning} = reader.end();
  if (warning !== null) say(warning);
  return side;
}
