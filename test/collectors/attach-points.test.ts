/**
 * Where programs can be attached, one table for all (test/helpers/attach-points.ts): each is attached for real, run by a real event, found
 * by the whole source of links, and gone once it is taken off. struct_ops is in unlinked.test.ts, freplace in names.test.ts, more of network
 * namespaces in netns.test.ts.
 */
import t from 'tap';
import {LinksCollector} from '../../src/collectors/links.js';
import {UnlinkedProgs} from '../../src/collectors/unlinked.js';
import type {ProgLink} from '../../src/sample/links.js';
import type {Found} from '../../src/sample/sources.js';
import type {ProgInfo} from '../../src/sample/types.js';
import {attachCases, attachChildSkip, startAttachChild} from '../helpers/attach-points.js';
import {kernelSkip, openSampler} from '../helpers/kernel.js';

/** What the kernel says of what it can't: no such type of program, of link, no such hook or function, not allowed to here. */
const refusals = [
  'EINVAL',
  'ENOENT',
  'EOPNOTSUPP',
  'ENOTSUPP',
  'ENODEV',
  'ENXIO',
  'ENOPROTOOPT',
  'E2BIG',
  'EPERM',
  'EACCES',
];

const linksSkip =
  kernelSkip ||
  attachChildSkip ||
  (await new LinksCollector().read([]).then(
    () => false as const,
    (error: unknown) => (error as Error).message,
  ));

t.test('each attach point: run by what happens there, found there, and gone afterwards', {skip: linksSkip}, async (t) => {
  const sampler = openSampler(t, {enableStats: false});
  const progs = new Map<number, ProgInfo>();
  const look = async (): Promise<Found<ProgLink>> => {
    for (const {id, type, expectedAttachType} of (await sampler.sample()).appeared)
      progs.set(id, {id, type, attachType: expectedAttachType} as ProgInfo);
    return new LinksCollector('/', undefined, [new UnlinkedProgs()]).read([...progs.values()]);
  };

  const child = await startAttachChild(t);
  const refused: string[] = [];
  let found = 0;
  for (const {name, spec, point, expected, runs, mayBeUntold = false} of attachCases(child))
    await t.test(name, async (t) => {
      const attached = await child.attach(spec, point);
      if (!('id' in attached)) {
        const why = `${attached.syscall} gives ${attached.code}`;
        if (!refusals.includes(attached.code)) t.fail(why);
        refused.push(`${name}: ${why}`);
        return void t.pass('not here', {skip: why});
      }
      const {id} = attached;
      // Statistics are switched on by another process, and a software event comes when it comes. A test that waits in vain times out.
      if (runs) while (((await child.act()).get(id) ?? 0) === 0);
      const {byProg, untold, warning} = await look();
      t.equal(warning, null);
      const links = byProg!.get(id) ?? [];
      if (expected === 'untold') {
        t.strictSame(links, []);
        t.ok(untold?.has(id), 'and that this is not to be known');
      } else if (!(mayBeUntold && (untold?.has(id) || links[0]?.target === null))) {
        t.equal(links.length, 1);
        const {linked, ...words} = expected;
        t.match(links[0], {...words, linkId: linked ? Number : null});
        if (typeof words.target === 'string')
          t.equal(links[0]?.target?.endsWith(words.target), true, links[0]?.target ?? 'no target');
      }
      found++;
      await child.detachAll();
      while ((await look()).byProg!.has(id));
    });
  t.ok(found > 0);
  t.comment(`${found} attach points are found; not to be had here: ${refused.length}`);
  for (const each of refused) t.comment(each);
});
