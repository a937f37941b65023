/** Names out of BTF: of the real kernel, and made up. */
import {spawnSync} from 'node:child_process';
import t, {type Test} from 'tap';
import {
  loadNameReader,
  type NativeFunction,
  type NativeLink,
  type NativeNameReader,
  type NativeProgBtf,
  type TestProg,
  type TestProgSpec,
} from '../../src/addon.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {LinksCollector} from '../../src/collectors/links.js';
import {NamesCollector, tailCallers} from '../../src/collectors/names.js';
import {TracingTargets} from '../../src/collectors/tracing-targets.js';
import type {ProgNames} from '../../src/sample/names.js';
import type {ProgInfo} from '../../src/sample/types.js';
import {kernelSkip, loadProg, openFds} from '../helpers/kernel.js';
import {progInfo} from '../helpers/samples.js';

const fullName = 'a_name_of_more_letters_than_the_kernel_keeps';
const shortName = fullName.slice(0, 15);

/** The programs of this kernel, now. */
async function progsNow(t: Test, sampler: 'auto' | 'walk' = 'auto'): Promise<readonly ProgInfo[]> {
  const kernel = new KernelCollector({enableStats: false, sampler});
  t.teardown(() => kernel.close());
  return (await kernel.sample()).progs.info;
}

/** Loads it; null, with a pass that says so, where this kernel refuses. */
function loaded(t: Test, spec: TestProgSpec, attach = false): TestProg | null {
  try {
    const prog = loadProg(t, spec);
    if (attach) prog.attach({asLoaded: true});
    return prog;
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    // EPERM: locked down; 524, ENOTSUPP, and EINVAL: no trampolines, no BTF, or no machine code.
    if (!['EPERM', 'EINVAL', 'ENOTSUPP', 'ENOENT', 'EBUSY'].includes(code ?? '')) throw error;
    t.pass('not here', {skip: `${spec.type}: ${message}`});
    return null;
  }
}

const namesOf = async (progs: readonly ProgInfo[], id: number): Promise<ProgNames | undefined> =>
  (await new NamesCollector().read(progs)).byProg?.get(id)?.[0];

t.test('a name that the kernel cut is told in full, as bpftool does', {skip: kernelSkip}, async (t) => {
  const prog = loaded(t, {type: 'xdp', name: shortName, fullName});
  const other = loadProg(t, {type: 'xdp', name: shortName});
  if (!prog) return;
  const progs = await progsNow(t);
  t.equal(progs.find(({id}) => id === prog.id)?.name, shortName);
  t.equal((await namesOf(progs, prog.id))?.fullName, fullName);
  t.equal(await namesOf(progs, other.id), undefined, 'without BTF it is what the kernel says');
  const {status, stdout} = spawnSync('bpftool', ['-j', 'prog', 'show', 'id', String(prog.id)], {encoding: 'utf8'});
  if (status !== 0) return void t.comment('no bpftool to compare with');
  t.equal((JSON.parse(stdout) as {name: string}).name, fullName);
});

t.test('no fd of a program, map or BTF stays open', {skip: kernelSkip}, async (t) => {
  if (!loaded(t, {type: 'xdp', name: shortName, fullName})) return;
  const callee = loadProg(t, {type: 'xdp'});
  loadProg(t, {type: 'xdp', tailCalls: [callee.id]});
  const progs = await progsNow(t);
  const open = () =>
    openFds()
      .filter((target) => /bpf|btf/.test(target))
      .sort();
  const before = open();
  t.ok((await namesOf(progs, callee.id))?.tailCallers.length);
  t.same(open(), before);
});

t.test('who can tail call a program', {skip: kernelSkip}, async (t) => {
  const callee = loadProg(t, {type: 'xdp', name: 'callee'});
  const caller = loadProg(t, {type: 'xdp', name: 'caller', tailCalls: [callee.id]});
  const collector = new NamesCollector();
  const callersOf = async (id: number) => (await collector.read(await progsNow(t))).byProg?.get(id)?.[0]?.tailCallers ?? [];
  t.same(await callersOf(callee.id), [{id: caller.id, name: 'caller'}]);
  t.same(await callersOf(caller.id), []);
  caller.close();
  while ((await callersOf(callee.id)).length > 0);
});

t.test('the function that an iterator was loaded for', {skip: kernelSkip}, async (t) => {
  const kernel = new KernelCollector({enableStats: false});
  t.teardown(() => kernel.close());
  const progs = (await kernel.sample()).progs.info;
  const iterator = progs.find(({self, type}) => self && type === 26);
  if (!iterator) return void t.pass('not here', {skip: 'no iterator'});
  const names = await namesOf(progs, iterator.id);
  const [btf] = await loadNameReader().readProgBtf(Uint32Array.of(iterator.id));
  // Before Linux 6.0 the kernel doesn't say in which BTF.
  t.equal(names?.attachFuncName ?? null, btf?.attachBtfObjId === null ? null : 'bpf_iter_bpf_prog');
});

t.test('fentry: the function it was loaded for and hangs on', {skip: kernelSkip}, async (t) => {
  const prog = loaded(t, {type: 'tracing', name: 'before_it', attachTo: 'bpf_fentry_test1'}, true);
  if (!prog) return;
  const progs = await progsNow(t);
  const [link] = (await new LinksCollector().read(progs)).byProg?.get(prog.id) ?? [];
  t.match(link, {type: 'tracing', attachType: 'trace_fentry'});
  // Before 5.13 the link, before 6.0 the program doesn't tell.
  if (link?.target !== null) t.equal(link?.target, 'bpf_fentry_test1');
  const [btf] = await loadNameReader().readProgBtf(Uint32Array.of(prog.id));
  if (btf?.attachBtfObjId !== null) t.equal((await namesOf(progs, prog.id))?.attachFuncName, 'bpf_fentry_test1');
});

t.test('freplace: the function and the program that it replaces', {skip: kernelSkip}, async (t) => {
  const target = loaded(t, {type: 'xdp', name: shortName, fullName});
  const prog = target && loaded(t, {type: 'ext', name: 'instead', fullName: 'instead', replaces: target.id}, true);
  if (!prog) return;
  const progs = await progsNow(t);
  const [link] = (await new LinksCollector().read(progs)).byProg?.get(prog.id) ?? [];
  t.match(link, {type: 'tracing', attachType: null});
  if (link?.target !== null) t.equal(link?.target, `${fullName} in program ${fullName} (id ${target.id})`);
});

const noLink: NativeLink = {
  ...{id: 1, type: 2, progId: 2, attachType: 24, name: null, offset: null, ifindex: null, mapName: null},
  ...{cgroupId: null, netnsIno: null, mapId: null, targetObjId: null, targetBtfId: null, perfType: null, eventType: null},
  ...{eventConfig: null, count: null, flags: null, missed: null, pid: null, pf: null, hooknum: null, priority: null},
};

interface Made {
  readonly btf?: Readonly<Record<number, Partial<NativeProgBtf>>>;
  /** By `object/type`. */
  readonly functions?: Readonly<Record<string, string | NativeFunction>>;
  readonly arrays?: Readonly<Record<number, readonly number[]>>;
}

/** A reader of made-up BTF; `asked` has what it was asked for. */
function made({btf = {}, functions = {}, arrays = {}}: Made) {
  const asked: string[] = [];
  const noted = (call: string, numbers: Uint32Array) => {
    asked.push(`${call} ${numbers.join(' ')}`);
    return [...numbers];
  };
  const reader: NativeNameReader = {
    readProgBtf: (ids) =>
      Promise.resolve(
        noted('progs', ids).map((id) => {
          const found = btf[id];
          return found ? {btfId: 0, mainTypeId: 0, attachBtfObjId: 0, attachBtfId: 0, ...found} : null;
        }),
      ),
    readFunctions: (pairs) => {
      const numbers = noted('functions', pairs);
      const keys = numbers.flatMap((each, i) => (i % 2 === 0 ? [`${each}/${numbers[i + 1]}`] : []));
      return Promise.resolve(
        keys.map((key) => {
          const found = functions[key] ?? null;
          return typeof found === 'string' ? {name: found, module: null} : found;
        }),
      );
    },
    readProgArrays: (ids) => Promise.resolve(noted('arrays', ids).map((id) => arrays[id] ?? null)),
  };
  return {reader, asked};
}

t.test('each program is asked once, and each BTF object once a look', async (t) => {
  const {reader, asked} = made({
    btf: {1: {btfId: 9, mainTypeId: 4}, 2: {btfId: 9, mainTypeId: 5}},
    functions: {'9/4': fullName, '9/5': `${fullName}_too`},
  });
  const collector = new NamesCollector(reader);
  const progs = [1, 2].map((id) => progInfo({id, name: shortName, btfId: 9}));
  const short = progInfo({id: 3, name: 'short', btfId: 9});
  const found = await collector.read([...progs, short]);
  t.match(found.byProg?.get(1), [{fullName}]);
  t.match(found.byProg?.get(2), [{fullName: `${fullName}_too`}]);
  t.notOk(found.byProg?.has(3));
  t.same(asked, ['progs 1 2', 'functions 9 4 9 5']);
  t.same(await collector.read(progs), found);
  t.same(asked.length, 2, 'nothing new costs nothing');
  await collector.read([progInfo({id: 1, name: shortName, btfId: 9, loadTimeNs: 7n})]);
  t.same(asked.slice(2), ['progs 1'], 'an id that another program has now is asked again');
});

t.test("BTF that contradicts the kernel's name is not believed", async (t) => {
  const {reader} = made({btf: {1: {btfId: 9, mainTypeId: 4}}, functions: {'9/4': 'something_else_entirely'}});
  const found = await new NamesCollector(reader).read([progInfo({id: 1, name: shortName, btfId: 9})]);
  t.match(found.byProg?.get(1), [{fullName: null}]);
});

t.test('a map that is no array of programs is not asked again', async (t) => {
  const {reader, asked} = made({arrays: {7: [2]}});
  const collector = new NamesCollector(reader);
  const progs = [progInfo({id: 1, mapIds: [6, 7]}), progInfo({id: 2})];
  for (let look = 0; look < 2; look++)
    t.match((await collector.read(progs)).byProg?.get(2), [{tailCallers: [{id: 1, name: 'prog_1'}]}]);
  t.same(asked, ['arrays 6 7', 'arrays 7']);
});

t.test('without the right to read names, it says so', async (t) => {
  const {reader} = made({});
  const error = Object.assign(new Error('refused'), {code: 'EPERM', syscall: 'bpf(BPF_PROG_GET_FD_BY_ID)'});
  const collector = new NamesCollector({...reader, readProgBtf: () => Promise.reject(error)});
  await t.rejects(collector.read([progInfo({id: 1, type: 26})]), {exitStatus: 77, message: /EPERM\. Run it with sudo/});
});

t.test('of the programs that share an array, those count that nobody can tail call', (t) => {
  const progs = [
    progInfo({id: 1, mapIds: [7]}),
    progInfo({id: 2, mapIds: [7, 7]}),
    progInfo({id: 3, mapIds: [7]}),
    progInfo({id: 4, mapIds: null}),
  ];
  const ids = (arrays: [number, number[]][]) =>
    [...tailCallers(progs, new Map(arrays), ({name}) => name)].map(([id, callers]) => [id, callers.map((each) => each.id)]);
  t.same(ids([[7, [2, 3]]]), [
    [2, [1]],
    [3, [1]],
  ]);
  t.same(ids([[7, [1, 2, 3]]]), [
    [1, [2, 3]],
    [2, [1, 3]],
    [3, [1, 2]],
  ]);
  t.same(ids([[8, [1]]]), [], 'an array that no program uses');
  t.end();
});

t.test('what a tracing link hangs on, in words', async (t) => {
  const functions = {
    '1/77': 'tcp_connect',
    '5/78': {name: 'nf_nat_setup_info', module: 'nf_nat'},
    '30/3': 'handler',
    '30/4': fullName,
    '12/3': 'of_another',
  };
  const progs = [
    progInfo({id: 2, type: 26}),
    progInfo({id: 3, type: 28}),
    progInfo({id: 12, name: shortName, btfId: 30}),
    progInfo({id: 13, name: '', btfId: 30}),
  ];
  const words = async (link: Partial<NativeLink>, attachBtfObjId: number | null) => {
    const {reader} = made({btf: {2: {attachBtfObjId}, 3: {}, 12: {btfId: 30, mainTypeId: 4}}, functions});
    return (await new TracingTargets(reader).find([{...noLink, ...link}], progs)).get(1);
  };
  t.equal(await words({targetObjId: 1, targetBtfId: 77}, 1), 'tcp_connect');
  t.equal(await words({targetObjId: 5, targetBtfId: 78}, 5), 'nf_nat_setup_info (nf_nat)');
  const onProgram = `handler in program ${fullName} (id 12)`;
  t.equal(await words({targetObjId: 12, targetBtfId: 3}, 0), onProgram, 'fentry on a program');
  t.equal(await words({progId: 3, attachType: 0, targetObjId: 12, targetBtfId: 3}, null), onProgram, 'freplace');
  t.equal(await words({targetObjId: 13, targetBtfId: 3}, 0), 'handler in program (id 13)');
  t.equal(await words({targetObjId: 1, targetBtfId: 77}, null), 'tcp_connect', 'where the kernel does not tell: what fits');
  t.equal(await words({targetObjId: 12, targetBtfId: 3}, null), undefined, 'and nothing where both fit');
  t.equal(await words({targetObjId: 1, targetBtfId: 99}, 1), undefined, 'no function');
  t.equal(await words({}, 1), undefined, 'a kernel that has no ids to give');
});
