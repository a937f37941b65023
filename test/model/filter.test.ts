import t from 'tap';
import {fieldNames, fields} from '../../src/model/fields.js';
import {FilterError, parseFilter} from '../../src/model/filter.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import type {ProgLink} from '../../src/sample/links.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import type {ProgPin} from '../../src/sample/pins.js';
import {noSources, type Reading, type Sources} from '../../src/sample/sources.js';
import {random, type Random} from '../helpers/random.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

const containerId = '0123456789ab'.padEnd(64, 'c');
const held = {
  1: [
    owner({pid: 10, comm: 'cilium-agent', cgroup: '/kubepods/x', containerId, container: 'agent', pod: 'cilium-x7'}),
    owner({pid: 11, comm: 'web', cmdline: ['web', '--port', '80'], cgroup: '/kubepods/y', containerId, pod: 'checkout'}),
  ],
  2: [owner({pid: 12, comm: 'or', cgroup: '/system.slice/nginx.service', unit: 'nginx.service'})],
  3: [owner({pid: 13, comm: null, cmdline: null, cgroup: null})],
};
const linked: Record<number, ProgLink[]> = {
  1: [
    {linkId: 1, type: 'xdp', attachType: 'xdp', target: 'eth0', missed: null},
    {linkId: 2, type: 'cgroup', attachType: null, target: '/a b', missed: null},
  ],
};
const specs: ProgSpec[] = [
  {id: 1, name: 'cil_xdp_entry', type: 6, runTimeNs: 20_000_000n, runCnt: 2000n, bytesXlated: 4096, mapIds: [15, 16]},
  {id: 2, name: 'Tc_egress', type: 3, runTimeNs: 2n ** 60n + 1n, runCnt: 2n ** 59n, bytesXlated: 100},
  {id: 3, name: '', type: 6, sleepable: true, runTimeNs: 30n, runCnt: 3n, mapIds: null, bytesMemlock: null},
  {id: 15, name: 'tc_*x', type: 3, gplCompatible: false, sleepable: null, loadTimeNs: 1_500_000_000n},
];

/** Two samples a second apart; nobody holds 15. */
function measured(owners: Reading<ProgOwner> | null, links: Reading<ProgLink> | null): readonly MeasuredProg[] {
  const sample = makeSample(101, specs);
  const before = specs.map((spec) => ({...spec, runTimeNs: spec.id === 2 ? spec.runTimeNs! - 5_000_000n : 0n, runCnt: 0n}));
  const known = {...sample, progs: {...sample.progs, sources: {...noSources, owners, links}}};
  return measure(known, makeSample(100, before)).progs;
}
const progs = measured(reading<ProgOwner>(held), reading(linked));
const bare = measured(null, null);

const found = (text: string, among = progs) => among.filter(parseFilter(text).matches).map((prog) => prog.info.id);
const all = [1, 2, 3, 15];

t.test('a word is looked for in name, type, owner, attachment, container, pod and unit, in any case', (t) => {
  t.same(found('CIL'), [1]);
  t.same(found('xdp'), [1, 3]);
  t.same(found('sched_cls'), [2, 15]);
  t.same(found('Checkout'), [1], 'also the second of two owners');
  t.same(found('agent'), [1]);
  t.same(found('0123456789abcc'), [1], "a container's id");
  t.same(found('nginx'), [2]);
  t.same(found('eth0'), [1]);
  t.same(found('"/a b"'), [1], 'also the second of two links');
  t.same(found('nobody'), [15]);
  t.same(found('80'), [], 'not in its command line');
  t.same(found('null'), [], 'what is not known is not the word null');
  t.end();
});

t.test('a word is looked for in what is known now, not in what was known when it was looked for first', (t) => {
  const at = {timeNs: 10n ** 12n};
  const [owners, pins] = [reading<ProgOwner>({}, at), reading<ProgPin>({1: [{path: '/sys/fs/bpf/x', via: 'prog'}]}, at)];
  const names = {fullName: 'handle_everything', attachFuncName: null, tailCallers: []};
  const sample = makeSample(101, [{id: 1, name: 'handle_everythi'}, {id: 2}]);
  const known = (more: Partial<Sources>) =>
    measure({...sample, progs: {...sample.progs, sources: {...noSources, owners, ...more}}}, null).progs;
  t.same(found('handle_everything', known({})), []);
  t.same(found('handle_everything', known({names: reading({1: [names]}, at)})), [1]);
  t.same(found('nobody', known({})), [1, 2]);
  t.same(found('pinned', known({pins})), [1]);
  t.same(found('nobody', known({pins})), [2], 'each by itself, though both have no owner');
  t.end();
});

t.test('every word must be there; none lets all through', (t) => {
  t.same(found('cil xdp'), [1]);
  t.same(found('  xdp   cil '), [1]);
  for (const text of ['', '   ', '\t\n']) t.same(found(text), all);
  t.end();
});

t.test('what would be special in a regular expression is just text', (t) => {
  for (const text of ['cil.xdp', '^cil', '[c]il', 'cil|tc', '.', '\\w', 'name=c.*y', 'name:c+'])
    t.same(
      found(text).filter((id) => id < 3),
      text === '.' ? [2] : [],
      text,
    );
  t.end();
});

t.test('and binds closer than or, not closer than and; keywords in any case', (t) => {
  t.same(found('cil or nginx'), [1, 2]);
  t.same(found('type:xdp and cil or nginx'), [1, 2]);
  t.same(found('nginx or type:xdp and cil'), [1, 2]);
  t.same(found('nginx or type:xdp cil'), [1, 2]);
  t.same(found('(nginx or type:xdp) cil'), [1]);
  t.same(found('not xdp'), [2, 15]);
  t.same(found('not xdp or cil'), [1, 2, 15]);
  t.same(found('not (xdp or nginx)'), [15]);
  t.same(found('not not xdp'), [1, 3]);
  t.same(found('NOT XDP AND NOT nginx Or cil'), [1, 15]);
  t.same(found('((((cil))))(xdp)'), [1]);
  t.end();
});

t.test('quotes make a word of anything, and of keywords too', (t) => {
  t.same(found('"or"'), [2]);
  t.same(found("comm='or'"), [2]);
  t.same(found('comm=or'), [2], 'after an operator there is no keyword');
  t.same(found('not "or"'), [1, 3, 15]);
  t.same(found('"cil xdp"'), []);
  t.same(found('cmd:"port 80"'), [1]);
  t.same(found('owner="(nobody)"'), [15]);
  t.same(found('"a=b"'), []);
  t.same(found('"\\c\\i\\l"'), [1], 'what follows a backslash is itself');
  t.same(found('name=""'), [3], 'an empty text');
  t.end();
});

t.test('a field contains, equals, or differs; * and ? match, unless a backslash in quotes says otherwise', (t) => {
  t.same(found('name:tc'), [2, 15]);
  t.same(found('name=tc'), []);
  t.same(found('name=tc_*'), [2, 15]);
  t.same(found('name=TC_EGRESS'), [2]);
  t.same(found('name==tc_egress'), [2]);
  t.same(found('name=tc_?x'), [15]);
  t.same(found('name=tc_e?ress'), [2]);
  t.same(found('name="tc_*"'), [2, 15]);
  t.same(found('name="tc_\\**"'), [15]);
  t.same(found('name!=tc_*'), [1, 3]);
  t.same(found('name : tc'), [2, 15], 'blanks around an operator');
  t.same(found('ci?_*en'), [1], 'also in a plain word');
  t.same(found('entry*xdp'), [], 'but not from its name into its type');
  t.end();
});

t.test('of a field that a program has several of, one is enough; != is true of none', (t) => {
  t.same(found('pod:cilium'), [1]);
  t.same(found('pod=checkout'), [1]);
  t.same(found('pid=11'), [1]);
  t.same(found('pid>=12'), [2, 3]);
  t.same(found('pid!=11'), [2, 3, 15], 'nobody has no pid');
  t.same(found('attached=eth0 attached:b'), [1]);
  t.same(found('map_ids=16'), [1]);
  t.same(found('link_type=cgroup'), [1]);
  t.same(found('comm=or unit=nginx.*'), [2]);
  t.end();
});

t.test('what is not known is neither true nor false; what is known to be none is empty', (t) => {
  t.same(found('container=agent'), [1]);
  t.same(found('not container=agent'), [2, 15], 'nothing is known of the cgroup of 3');
  t.same(found('pod=""'), [2], 'it runs in no pod');
  t.same(found('unit!=nginx.service unit=*'), [1]);
  t.same(found('link_attach_type=tcx'), []);
  t.same(found('not link_attach_type=tcx'), [2, 3, 15], 'the type of one attachment of 1 is not known');
  t.same(found('bytes_memlock>0'), [1, 2, 15]);
  t.same(found('not bytes_memlock>0'), []);
  t.same(found('not (bytes_memlock>0 and id>0)'), []);
  t.same(found('bytes_memlock>0 or id=3'), [1, 2, 3, 15], 'true whatever the other is');
  t.same(found('not (bytes_memlock>0 and id=1)'), [2, 3, 15], 'false whatever the other is');
  t.same(found('bytes_memlock!=1'), [1, 2, 15]);
  for (const text of ['owner:a', 'not owner:a', 'pod=x', 'pod!=x', 'attached:e', 'pid>0', 'not pid>0'])
    t.same(found(text, bare), [], text);
  t.same(found('not cilium', bare), all, 'a word is looked for in what is known');
  t.end();
});

t.test('numbers compare in their units', (t) => {
  // 1 ran 2000 times in 10 µs each, 2 % of a CPU; 2 for 5 ms; 3 sleeps.
  t.same(found('avg>=10us avg<=10us'), [1]);
  for (const ten of ['10us', '10µs', '10μs', '10000ns', '10000', '0.01ms', '.00001s', '+10us'])
    t.same(found(`avg=${ten}`), [1], ten);
  t.same(found('cpu>1'), [1]);
  t.same(found('cpu = 2%'), [1]);
  t.same(found('cpu<1'), [2, 15], '3 has none');
  t.same(found('ev>=2k ev<0.003M'), [1]);
  t.same(found('bytes_xlated=4KB'), [1]);
  t.same(found('bytes_xlated=4KiB'), [1]);
  t.same(found('bytes_xlated=4k'), [1]);
  t.same(found('bytes_xlated<=100B'), [2, 3, 15]);
  t.same(found('id:15'), [15], 'a number is no text: 1 and 5 are not in it');
  t.same(found('id>-1 id!=15'), [1, 2, 3]);
  t.same(found('period_run_time_ns>=5ms'), [1, 2]);
  t.end();
});

t.test('age is the time since it was loaded', (t) => {
  t.same(found('age=100s'), [1, 2, 3], 'loaded a second after boot');
  t.same(found('age<100s'), [15]);
  t.same(found('age_ns>1.5m'), all);
  const [prog] = measure(makeSample(1, [{id: 1, loadTimeNs: 1_000_000_001n}]), null).progs;
  t.equal(prog?.ageNs, 0, 'of one that was loaded while the sample was being read');
  t.end();
});

t.test('u64 counters compare to the last digit', (t) => {
  const exact = 2n ** 60n + 1n;
  t.same(found(`run_time_ns=${exact}`), [2]);
  t.same(found(`run_time_ns=${exact - 1n}`), []);
  t.same(found(`run_time_ns>${exact - 1n}`), [2]);
  t.same(found(`run_time_ns>${exact}`), []);
  t.same(found(`run_time_ns<${2n ** 64n}`), all);
  t.end();
});

t.test('yes and no, and moments', (t) => {
  t.same(found('sleepable=yes'), [3]);
  t.same(found('sleepable:TRUE'), [3]);
  t.same(found('sleepable=no'), [1, 2], 'of 15 it is not known');
  t.same(found('sleepable!=yes'), [1, 2]);
  t.same(found('not gpl_compatible=false'), [1, 2, 3]);
  const day = '2026-01-01';
  for (const moment of [day, `${day}T00:00`, `"${day} 00:00:00"`, `${day}T01:00+01:00`, `${day}T00:00Z`, '1767225600'])
    t.same(found(`loaded_at=${moment}`), all, moment);
  t.same(found('loaded_at>2026-01-01'), []);
  t.end();
});

const error = (text: string): FilterError => {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`no error in ${text.slice(0, 100)}`);
};

t.test('an error says what is wrong, and where', (t) => {
  const cases: [text: string, at: number, message: RegExp | string][] = [
    ['nam=x', 0, "unknown field 'nam'; did you mean 'name'?"],
    ['a or CPUU>1', 5, "unknown field 'CPUU'; did you mean 'cpu'?"],
    ['evnets_per_sec>1', 0, "unknown field 'evnets_per_sec'; did you mean 'events_per_sec'?"],
    ['sleep=yes', 0, "unknown field 'sleep'; did you mean 'sleepable'?"],
    ['10.0.0.1:80', 0, "unknown field '10.0.0.1'; a word with ':' in it takes quotes"],
    ['constructor=1', 0, /unknown field 'constructor'/],
    ['or:x', 0, /unknown field 'or'/],
    ['cpu>', 4, 'a percentage such as 0.5 or 12% is missing here'],
    ['cpu>x', 4, 'cpu_pct is compared with a percentage such as 0.5 or 12%'],
    ['cpu>1s', 4, /^cpu_pct is compared/],
    ['avg>5M', 4, /^avg_run_time_ns is compared with a time/],
    ['id>1k', 3, /^id is compared with a number/],
    ['id=', 3, /missing/],
    ['id>1.2.3', 3, /^id is compared/],
    ['id>.', 3, /^id is compared/],
    ['id>0x1f', 3, /^id is compared/],
    ['id>1e3', 3, /^id is compared/],
    ['id>"(1)"', 3, /^id is compared/],
    ['loaded_at>2026-13-01', 10, /^loaded_at is compared with a moment/],
    ['sleepable=maybe', 10, 'sleepable is yes or no'],
    ['sleepable=constructor', 10, 'sleepable is yes or no'],
    ['name>a', 4, /^name has no order/],
    ['sleepable<=yes', 9, /^sleepable has no order/],
    ['name:', 5, 'a word is missing here'],
    ['(a', 0, "'(' is not closed"],
    ['a (b (c) d', 2, "'(' is not closed"],
    ['a)', 1, "')' closes nothing"],
    ['a "b', 2, '" is not closed'],
    ["'b\\'", 0, "' is not closed"],
    ['a and', 5, 'a word is missing at the end'],
    ['not', 3, 'a word is missing at the end'],
    ['a or or b', 5, "a word is missing before 'or'"],
    ['and a', 0, "a word is missing before 'and'"],
    ['()', 1, "a word is missing before ')'"],
    ['a =', 3, /unknown field|missing/],
    ['=5', 0, "a field's name is missing before '='"],
  ];
  for (const [text, at, message] of cases) {
    const found = error(text);
    if (text !== 'a =') t.equal(found.at, at, text);
    t.match(found.message, message, text);
    t.notMatch(found.message, /[\n.]$/, text);
  }
  t.ok(error(`${'x'.repeat(5000)}=1`).message.length < 120, 'a long word is not repeated');
  t.end();
});

t.test('no text is too long or too deep to be read, or refused', (t) => {
  const megabyte = 1_000_000;
  t.match(error('('.repeat(10_000)), {at: 100, message: /parentheses/});
  t.match(error('('.repeat(megabyte) + 'a'), {at: 100});
  t.match(error('a='.repeat(megabyte / 2)), {at: 0});
  t.match(error(`id>${'1'.repeat(megabyte)}`), {at: 3});
  t.match(error('"'.padEnd(megabyte, '\\')), {at: 0});
  t.same(found(' '.repeat(megabyte)), all);
  t.same(found('not '.repeat(megabyte / 4) + 'cil'), [1]);
  t.same(found('cil '.repeat(50_000)), [1]);
  t.same(found('cil or '.repeat(50_000) + 'nginx'), [1, 2]);
  t.same(found('(cil)'.repeat(50_000)), [1], 'depth, not number, is limited');
  t.same(found('x'.repeat(megabyte)), []);
  t.same(found(`name=${'*a'.repeat(megabyte / 2)}`), []);
  t.end();
});

t.test('every field, and every short name, can be filtered by', (t) => {
  const values: Partial<Record<string, string>> = {flag: 'yes', text: 'x', list: '1'};
  for (const {key, kind} of fields) t.doesNotThrow(() => parseFilter(`${key}=${values[kind] ?? '1'}`), key);
  for (const name of ['cpu', 'avg', 'ev', 'age']) t.ok(fieldNames.includes(name));
  for (const {key, kind, values} of fields) if (kind === 'list') t.ok(values, `${key} tells its values`);
  t.end();
});

/** An expression, its text, and what it is: true, false or not known, found in another way than the filter's own. */
interface Expression {
  readonly text: string;
  /** 0 or, 1 and, 2 the rest */
  readonly rank: number;
  readonly truth: (prog: MeasuredProg) => boolean | null;
}

const leaves: [text: string, truth: Expression['truth']][] = [
  ['cil', ({info}) => info.id === 1],
  ['"or"', ({info}) => info.id === 2],
  ['type=xdp', ({info}) => info.type === 6],
  ['name:tc_', ({info}) => info.name.toLowerCase().includes('tc_')],
  ['cpu>1', ({cpuPct}) => (cpuPct === null ? null : cpuPct > 1)],
  ['bytes_memlock<=4KiB', ({info}) => (info.bytesMemlock === null ? null : info.bytesMemlock <= 4096)],
  ['sleepable!=no', ({info}) => info.sleepable],
  ['id>=3', ({info}) => info.id >= 3],
];

function expression(chance: Random, depth: number): Expression {
  const kind = depth === 0 ? 0 : chance.below(4);
  if (kind === 0) {
    const [text, truth] = chance.pick(leaves);
    return {text, truth, rank: 2};
  }
  const blank = chance.pick([' ', '  ', '\t']);
  const within = (each: Expression, rank: number) =>
    each.rank < rank || chance.below(8) === 0 ? `(${each.text})` : each.text;
  if (kind === 1) {
    const inner = expression(chance, depth - 1);
    const truth = (prog: MeasuredProg) => {
      const known = inner.truth(prog);
      return known === null ? null : !known;
    };
    return {text: `${chance.pick(['not', 'NOT'])}${blank}${within(inner, 2)}`, truth, rank: 2};
  }
  const parts = Array.from({length: 2 + chance.below(3)}, () => expression(chance, depth - 1));
  const isAnd = kind === 2;
  const join = isAnd ? chance.pick([blank, `${blank}and `, ' AND ']) : chance.pick([`${blank}or `, ' Or ']);
  // Kleene: of false < not known < true, and is the least, or the greatest.
  const order = [false, null, true];
  const truth = (prog: MeasuredProg) => {
    const places = parts.map((part) => order.indexOf(part.truth(prog)));
    return order[isAnd ? Math.min(...places) : Math.max(...places)] as boolean | null;
  };
  return {text: parts.map((part) => within(part, isAnd ? 1 : 0)).join(join), truth, rank: isAnd ? 1 : 0};
}

t.test('what any expression means is what its parts mean', (t) => {
  const chance = random(20_260_131);
  const wrong: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const {text, truth} = expression(chance, 1 + chance.below(5));
    const expected = progs.filter((prog) => truth(prog) === true).map((prog) => prog.info.id);
    if (String(found(text)) !== String(expected)) wrong.push(`${text}: ${String(found(text))} for ${String(expected)}`);
    // That it is not true tells false from not known.
    const opposite = progs.filter((prog) => truth(prog) === false).map((prog) => prog.info.id);
    if (String(found(`not (${text})`)) !== String(opposite)) wrong.push(`not (${text})`);
  }
  t.same(wrong.slice(0, 5), []);
  t.end();
});
