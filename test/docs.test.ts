/** What the README and docs/ tell people to type is what the tool takes, and where they point to there is something. */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {commandLine, parseOptions} from '../src/cli/options.js';

const root = path.join(import.meta.dirname, '..');
const pages = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
const textOf = (page: string) => readFileSync(path.join(root, page), 'utf8');

/** The words of each call of the tool in a page's code blocks, as a shell would split them. */
function calls(text: string): string[][] {
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => (block as string).replaceAll('\\\n', ' '));
  const lines = blocks.flatMap((block) => block.split('\n'));
  return lines.flatMap((line) =>
    [
      ...line.matchAll(
        /(?:^|[\s/(])(?:bpftop-ts(?:@[\d.]+)?|bin\/bpftop-ts\.js)((?: +(?:"[^"]*"|'[^']*'|[^\s"'|#>)]\S*))*)/g,
      ),
    ].map(([, words = '']) => (words.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replace(/["']/g, ''))),
  );
}

t.test('every command that is told of is one', (t) => {
  let found = 0;
  for (const page of pages)
    for (const words of calls(textOf(page))) {
      t.doesNotThrow(
        () => parseOptions(words.map((word) => (word === 'FILE' ? 'file' : word))),
        `${page}: ${words.join(' ')}`,
      );
      found++;
    }
  t.ok(found >= 30, `${found} of them`);
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
  ];
  const known = new Set([...options, ...foreign]);
  for (const page of pages)
    for (const [option] of textOf(page).matchAll(/(?<![\w-])--[a-z][\w.-]*\w/g))
      t.ok(known.has(option), `${page}: ${option}`);
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
