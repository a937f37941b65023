/** What pages, --help and the files of deploy/ tell people to type is what the tool takes, and where pages point to there is something. */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {commandLine, parseOptions} from '../src/cli/options.js';

const root = path.join(import.meta.dirname, '..');
const textOf = (page: string) => readFileSync(path.join(root, page), 'utf8');
const filesIn = (folder: string) => readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}`);
const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...filesIn('docs')].filter((name) => name.endsWith('.md'));
const deployed = filesIn('deploy').filter((name) => !name.endsWith('.json'));

/** What --help says, of the tool and of each command. */
const helps = [[], ...commandLine().program.commands.map((command) => [command.name()])].map((words) => {
  const said = parseOptions([...words, '--help']);
  return {where: [...words, '--help'].join(' '), text: 'print' in said ? said.print : ''};
});

/** All texts that tell people something, each with the lines in it that are to be typed. */
const texts = [
  ...pages.map((page) => {
    const text = textOf(page);
    const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => (block as string).replaceAll('\\\n', ' '));
    const inline = [...text.replace(/^```[^]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map(([, code]) =>
      (code as string).replaceAll('\n', ' '),
    );
    return {where: page, text, lines: [...blocks.flatMap((block) => block.split('\n')), ...inline]};
  }),
  ...deployed.map((file) => {
    const text = textOf(file);
    return {where: file, text, lines: text.split('\n').filter((line) => /^# {3}|^Exec\w+=/.test(line))};
  }),
  // Its first line is the usage; a command begins a line, and what it is for follows after two spaces.
  ...helps.map(({where, text}) => ({
    where,
    text,
    lines: text
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace(/^\w+: +|(?<=\S) {2,}.*/g, ''))
      .filter((line) => /^(bpftop-ts|cat|source|ssh) /.test(line)),
  })),
];

/** The words of each call of the tool in lines, as a shell would split them. */
function calls(lines: readonly string[]): string[][] {
  return lines.flatMap((line) =>
    [
      ...line.matchAll(
        /(?:^|[\s/(])(?<!-t )(?:bpftop-ts(?:@[\w.]+)?|bin\/bpftop-ts\.js)(?![\w.-])((?: +(?:"[^"]*"|'[^']*'|[^\s"'|#>)]\S*))*)/g,
      ),
    ].map(([, words = '']) => (words.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replace(/["']/g, ''))),
  );
}

t.test('every command that is told of is one', (t) => {
  let found = 0;
  for (const {where, lines} of texts)
    for (const words of calls(lines)) {
      t.doesNotThrow(() => parseOptions(words.map((word) => word.replace(/\)$/, ''))), `${where}: ${words.join(' ')}`);
      found++;
    }
  t.ok(found >= 60, `${found} of them`);
  t.end();
});

t.test('every option that is told of is there', (t) => {
  const {program} = commandLine();
  const options = [program, ...program.commands].flatMap(({options}) => options.map(({long}) => long));
  const foreign = [
    '--privileged',
    '--pid',
    '--network',
    '--cgroupns',
    '--rm',
    '--help',
    '--version',
    '--mode',
    '--suppress',
    ...['--silent', '--global', '--now', '--system', '--no-git-tag-version', '--no-NAME', '--offline', '--package'],
  ];
  const known = new Set([...options, ...foreign]);
  for (const {where, text} of texts)
    for (const [option] of text.matchAll(/(?<![\w-])--[a-z][\w.-]*\w/g)) t.ok(known.has(option), `${where}: ${option}`);
  t.end();
});

t.test('the version that is told to run is this one', (t) => {
  const {version} = JSON.parse(textOf('package.json')) as {version: string};
  const told = texts.flatMap(({where, text}) =>
    [...text.matchAll(/bpftop-ts@(\d[\w.-]*\w)/g)].map(([, asked]) => ({where, asked})),
  );
  t.ok(told.length >= 3);
  for (const {where, asked} of told) t.equal(asked, version, where);
  t.end();
});

t.test('every link leads somewhere', (t) => {
  const anchorOf = (title: string) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  for (const page of pages)
    for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const at = file === '' ? page : path.join(path.dirname(page), file);
      t.ok(existsSync(path.join(root, at)), `${page}: ${target}`);
      if (anchor !== undefined) {
        const titles = [...textOf(at).matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchorOf(title as string));
        t.ok(titles.includes(anchor), `${page}: ${target}`);
      }
    }
  t.end();
});
