/** What bpftool finds on this host, with a program at every attach point, is in the document, and the same there. */
import {spawnSync} from 'node:child_process';
import t from 'tap';
import {attachCases, attachChildSkip, startAttachChild} from '../helpers/attach-points.js';
import {type Document, run} from '../helpers/cli.js';
import {kernelSkip} from '../helpers/kernel.js';
import {has} from '../helpers/mounts.js';

const skip =
  kernelSkip ||
  attachChildSkip ||
  (!(has('bpftool', 'version') && has('nsenter', '--version')) && 'bpftool and nsenter are not both installed');

interface Said {
  readonly id: number;
  readonly [key: string]: unknown;
}
interface Link {
  readonly link_id: number | null;
  readonly type: string;
  readonly attach_type: string | null;
  readonly target: string | null;
}

function textOf(words: string, ...through: string[]): string {
  const [command, ...args] = [...through, 'bpftool', '-j', ...words.split(' ')];
  const {status, stdout, stderr} = spawnSync(command!, args, {encoding: 'utf8', maxBuffer: 1 << 28});
  if (status !== 0) throw new Error(`bpftool ${words}: ${stderr}${stdout}`);
  // It doesn't escape what others call their things.
  return plain(stdout);
}

const bpftool = (words: string): unknown => JSON.parse(textOf(words) || '[]');

/** Without control characters. */
const plain = (text: string) => text.replace(/\p{Cc}/gu, '');

/** The programs that are attached to a network. Its flow dissectors aren't JSON: an array too many ends there. */
const progsOfNet = (...through: string[]): Pick<Said, 'id'>[] =>
  [...textOf('net', ...through).matchAll(/"(?:prog_)?id":(\d+)/g)].map(([, id]) => ({id: Number(id)}));

t.test('nothing that bpftool finds is missing, and what both say is the same', {skip}, async (t) => {
  const child = await startAttachChild(t);
  const mine: number[] = [];
  for (const {spec, point} of attachCases(child)) {
    const attached = await child.attach({...spec, maps: ['compared']}, point);
    if ('id' in attached) mine.push(attached.id);
  }
  const inChild = ['nsenter', `--net=/proc/${child.pid}/ns/net`];
  const listings = () => ({
    prog: bpftool('prog') as Said[],
    link: bpftool('link') as Said[],
    map: bpftool('map') as Said[],
    cgroup: bpftool('cgroup tree') as {cgroup: string; programs: Said[]}[],
    net: [...progsOfNet(), ...progsOfNet(...inChild)],
  });
  const before = listings();
  const {stdout, stderr, status} = await run(['--json', '-d', '50ms']);
  t.equal(status, 0, stderr);
  const after = listings();
  const document = JSON.parse(stdout) as Document;
  const ours = new Map(document.programs.map((prog) => [prog.id, prog]));
  const linksOf = (id: unknown) => (ours.get(Number(id))?.['links'] ?? []) as Link[];
  /** What was there all the time. */
  const stayed = <T extends object>(old: readonly T[], now: readonly T[]) => {
    const keyOf = (one: T) => JSON.stringify('attachType' in one || !('id' in one) ? one : one.id);
    const all = new Set(now.map(keyOf));
    return old.filter((each) => all.has(keyOf(each)));
  };
  /** One assertion for all that differ: some thousand programs may be loaded. */
  const none = (what: string, count: number, wrong: readonly unknown[]) =>
    t.strictSame(wrong, [], `${count} ${what}, ${wrong.length} of them otherwise`);

  const progs = stayed(before.prog, after.prog);
  t.ok(
    mine.length > 0 && mine.every((id) => progs.some((prog) => prog.id === id)),
    `${mine.length} programs are attached here`,
  );
  const figures = ['type', 'name', 'tag', 'uid', 'bytes_xlated', 'bytes_jited', 'bytes_memlock', 'btf_id', 'map_ids'];
  const sameProg = (said: Said): object[] => {
    const prog = ours.get(said.id);
    if (!prog) return [{missing: said}];
    const list = (value: unknown): unknown => (Array.isArray(value) ? [...(value as unknown[])].sort() : value);
    const other = figures.filter(
      (key) =>
        said[key] !== undefined &&
        // Of a type newer than itself it gives the number; of a long name what is in BTF.
        !(key === 'type' && typeof said[key] === 'number') &&
        !(key === 'name' && (said[key] as string).startsWith(plain(prog.name))) &&
        JSON.stringify(list(said[key])) !== JSON.stringify(list(prog[key])),
    );
    const loadedAt = Math.round(Date.parse(String(prog['loaded_at'])) / 1000);
    // It takes the difference of two clocks in whole seconds.
    if (Math.abs(loadedAt - Number(said['loaded_at'])) > 1) other.push('loaded_at');
    const pids = ((said['pids'] ?? []) as {pid: number}[]).map(({pid}) => pid);
    const owners = (prog['owners'] ?? []) as {pid: number}[];
    if (!pids.every((pid) => owners.some((owner) => owner.pid === pid))) other.push('pids/owners');
    return other.map((key) => ({id: said.id, key, bpftool: said[key], ours: prog[key]}));
  };
  none('programs', progs.length, progs.flatMap(sameProg));
  t.comment(`pids are known to this bpftool: ${progs.some(({pids}) => pids !== undefined)}`);

  const links = stayed(before.link, after.link).filter(({prog_id: prog}) => Number(prog) > 0);
  none(
    'links',
    links.length,
    links.filter(({id, prog_id: prog, type: said}) => {
      const link = linksOf(prog).find(({link_id: linkId}) => linkId === id);
      return !link || (typeof said === 'string' && said !== link.type);
    }),
  );

  const nets = stayed(before.net, after.net);
  none(
    'attachments to networks',
    nets.length,
    nets.filter(({id}) => linksOf(id).length === 0),
  );

  const inCgroups = (from: typeof before.cgroup) =>
    from.flatMap(({cgroup, programs}) => programs.map((prog) => ({cgroup, id: prog.id, attachType: prog['attach_type']})));
  const ofCgroups = stayed(inCgroups(before.cgroup), inCgroups(after.cgroup));
  none(
    'attachments to cgroups',
    ofCgroups.length,
    ofCgroups.filter(
      ({cgroup, id, attachType}) =>
        !linksOf(id).some(
          (link) =>
            link.type === 'cgroup' &&
            (typeof attachType !== 'string' || link.attach_type === attachType) &&
            cgroup.endsWith(link.target ?? 'nowhere'),
        ),
    ),
  );

  const maps = new Map(document.programs.flatMap((prog) => ((prog['maps'] ?? []) as Said[]).map((map) => [map.id, map])));
  const used = stayed(before.map, after.map).filter(({id}) =>
    document.programs.some((prog) => (prog['map_ids'] as number[] | null)?.includes(id)),
  );
  none(
    'maps',
    used.length,
    used.filter((said) =>
      ['name', 'max_entries', 'bytes_memlock'].some(
        (key) => said[key] !== undefined && said[key] !== maps.get(said.id)?.[key],
      ),
    ),
  );

  const told = new Set([...links.map(({prog_id: prog}) => Number(prog)), ...[...nets, ...ofCgroups].map(({id}) => id)]);
  const more = progs.filter(({id}) => !told.has(id) && linksOf(id).length > 0).map(({id}) => linksOf(id)[0]!);
  const kinds = [...new Set(more.map(({type: kind, attach_type: as}) => `${kind}${as ? ` ${as}` : ''}`))];
  t.comment(`in none of its lists, but attached: ${more.length} programs (${kinds.join(', ')})`);
});
