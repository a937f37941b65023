/**
 * Every attach point, each with a program that goes there and what is to be said of it; and a child that attaches them, in a network
 * namespace and a cgroup of its own, and does a little of everything that runs them.
 */
import {mkdtempSync, readFileSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import type {Test} from 'tap';
import type {TestAttachPoint, TestProgSpec} from '../../src/addon.js';
import type {ProgLink} from '../../src/sample/links.js';
import {startChild} from './child.js';
import {has, mountOf, tracefsOf} from './mounts.js';

/** A place for programs, and a program for it. */
export interface AttachCase {
  readonly name: string;
  readonly spec: TestProgSpec;
  readonly point: TestAttachPoint;
  /** What is to be found; `linked`: with an id of a link. `untold`: the kernel doesn't say where such a program hangs. */
  readonly expected:
    | (Omit<ProgLink, 'linkId' | 'target' | 'missed'> & {readonly target: string | RegExp; readonly linked: boolean})
    | 'untold';
  /** Whether what the child does runs it. */
  readonly runs: boolean;
  /** An older kernel doesn't tell where such a program hangs. */
  readonly mayBeUntold?: boolean;
}

/** Where the child is. */
export interface Places {
  /** As /proc/PID/ns/net reads. */
  readonly netns: string;
  /** Directory and, from the root of its hierarchy, path of a cgroup; null: there is no cgroup2. */
  readonly cgroup: {readonly dir: string; readonly path: string} | null;
  /** Of sched_process_exec; null: there is no tracefs. */
  readonly tracepointId: number | null;
  /** Whether `lo` has ::1. */
  readonly ipv6: boolean;
  /** A function that the child calls. */
  readonly probed: {readonly file: string; readonly offset: number};
}

type Type = TestProgSpec['type'];
/** Types of programs of cgroups, what they may be attached as (enum bpf_attach_type), and whether the child does that. */
const cgroupPoints: readonly (readonly [Type, number, string, boolean])[] = [
  ['cgroup_skb', 0, 'cgroup_inet_ingress', true],
  ['cgroup_skb', 1, 'cgroup_inet_egress', true],
  ['cgroup_sock', 2, 'cgroup_inet_sock_create', true],
  ['cgroup_sock', 34, 'cgroup_inet_sock_release', true],
  ['cgroup_sock', 12, 'cgroup_inet4_post_bind', true],
  ['cgroup_sock', 13, 'cgroup_inet6_post_bind', true],
  ['sock_ops', 3, 'cgroup_sock_ops', true],
  ['cgroup_device', 6, 'cgroup_device', true],
  ['cgroup_sock_addr', 8, 'cgroup_inet4_bind', true],
  ['cgroup_sock_addr', 9, 'cgroup_inet6_bind', true],
  ['cgroup_sock_addr', 10, 'cgroup_inet4_connect', true],
  ['cgroup_sock_addr', 11, 'cgroup_inet6_connect', true],
  ['cgroup_sock_addr', 14, 'cgroup_udp4_sendmsg', true],
  ['cgroup_sock_addr', 15, 'cgroup_udp6_sendmsg', true],
  ['cgroup_sock_addr', 19, 'cgroup_udp4_recvmsg', true],
  ['cgroup_sock_addr', 20, 'cgroup_udp6_recvmsg', true],
  ['cgroup_sock_addr', 29, 'cgroup_inet4_getpeername', true],
  ['cgroup_sock_addr', 30, 'cgroup_inet6_getpeername', true],
  ['cgroup_sock_addr', 31, 'cgroup_inet4_getsockname', true],
  ['cgroup_sock_addr', 32, 'cgroup_inet6_getsockname', true],
  ['cgroup_sock_addr', 49, 'cgroup_unix_connect', true],
  ['cgroup_sock_addr', 50, 'cgroup_unix_sendmsg', false],
  ['cgroup_sock_addr', 51, 'cgroup_unix_recvmsg', false],
  ['cgroup_sock_addr', 52, 'cgroup_unix_getpeername', false],
  ['cgroup_sock_addr', 53, 'cgroup_unix_getsockname', false],
  ['cgroup_sysctl', 18, 'cgroup_sysctl', true],
  ['cgroup_sockopt', 21, 'cgroup_getsockopt', true],
  ['cgroup_sockopt', 22, 'cgroup_setsockopt', true],
];

/** Every case that can be had in those places. */
export function attachCases({netns, cgroup, tracepointId, ipv6, probed}: Places): AttachCase[] {
  const cases: AttachCase[] = [];
  const add = (
    name: string,
    spec: TestProgSpec,
    point: TestAttachPoint,
    [type, attachType, target, linked]: readonly [string, string | null, string | RegExp, boolean],
    rest: {readonly runs?: boolean; readonly mayBeUntold?: boolean} = {},
  ) => cases.push({name, spec, point, expected: {type, attachType, target, linked}, runs: true, ...rest});
  const onLo = (hook = '') => `lo${hook} in ${netns}`;
  const idle = {runs: false};

  add('XDP by netlink', {type: 'xdp'}, {xdpNetlink: 1}, ['xdp', null, onLo(' generic'), false]);
  add('XDP by link', {type: 'xdp'}, {xdp: 1}, ['xdp', null, onLo(' generic'), true]);
  add('tc ingress', {type: 'sched_cls'}, {tcIngress: 1}, ['tc', null, onLo(' ingress'), false]);
  add('tc egress', {type: 'sched_cls'}, {tcEgress: 1}, ['tc', null, onLo(' egress'), false]);
  add('tcx ingress', {type: 'sched_cls', attachType: 46}, {tcx: 1}, ['tcx', 'tcx_ingress', onLo(), true]);
  add('tcx egress', {type: 'sched_cls', attachType: 47}, {tcx: 1}, ['tcx', 'tcx_egress', onLo(), true]);
  add('netkit', {type: 'sched_cls', attachType: 54}, {tcx: 1}, ['netkit', 'netkit_primary', onLo(), true]);
  add('netfilter', {type: 'netfilter'}, {netfilter: 3}, ['netfilter', null, 'ip output priority 10', true]);
  const ownNetns = {netns: '/proc/self/ns/net'};
  add('sk_lookup', {type: 'sk_lookup'}, ownNetns, ['netns', 'sk_lookup', netns, true]);
  const dissector = {type: 'flow_dissector'} as const;
  add('flow_dissector by link', dissector, ownNetns, ['netns', 'flow_dissector', netns, true], idle);
  const unlinked = ['netns', 'flow_dissector', netns, false] as const;
  add('flow_dissector without link', dissector, {netnsWithoutLink: true}, unlinked, idle);

  if (cgroup)
    for (const [type, attachType, name, acts] of cgroupPoints) {
      const runs = acts && (ipv6 || !/inet6|udp6/.test(name));
      const words = (linked: boolean) => ['cgroup', name, cgroup.path, linked] as const;
      add(`${name} by link`, {type, attachType}, {cgroup: cgroup.dir}, words(true), {runs});
      add(`${name} without link`, {type, attachType}, {cgroupWithoutLink: cgroup.dir}, words(false), {runs});
    }

  for (const [type, attachType, name] of [
    ['sk_skb', 4, 'sk_skb_stream_parser'],
    ['sk_skb', 5, 'sk_skb_stream_verdict'],
    ['sk_skb', 38, 'sk_skb_verdict'],
    ['sk_msg', 7, 'sk_msg_verdict'],
  ] as const) {
    const words = (linked: boolean) => ['sockmap', name, /^sockets \(map \d+\)$/, linked] as const;
    add(`${name} by link`, {type, attachType}, {sockmapLink: 'sockets'}, words(true), idle);
    // Before 5.17 the kernel doesn't tell.
    add(`${name} without link`, {type, attachType}, {sockmap: 'sockets'}, words(false), {...idle, mayBeUntold: true});
  }

  const event = 'sched_process_exec';
  add('raw tracepoint', {type: 'raw_tracepoint'}, {rawTracepoint: event}, ['raw_tracepoint', null, event, true]);
  const typed = {type: 'tracing', attachType: 23, attachTo: `btf_trace_${event}`} as const;
  add('tp_btf', typed, {asLoaded: true}, ['raw_tracepoint', null, event, true]);
  // Before 6.6 the kernel doesn't tell what the links of perf events hang on.
  const onEvent = {mayBeUntold: true};
  if (tracepointId !== null) {
    const words = (linked: boolean) => ['perf_event', null, `tracepoint ${event}`, linked] as const;
    add('tracepoint by ioctl', {type: 'tracepoint'}, {tracepoint: tracepointId}, words(false));
    add('tracepoint by link', {type: 'tracepoint'}, {tracepointLink: tracepointId}, words(true), onEvent);
  }
  const {file, offset} = probed;
  const uprobe = `uprobe ${file}+0x${offset.toString(16)}`;
  add('uprobe by ioctl', {type: 'kprobe'}, {uprobe: file, offset}, ['perf_event', null, uprobe, false]);
  add('uprobe by link', {type: 'kprobe'}, {uprobeLink: file, offset}, ['perf_event', null, uprobe, true], onEvent);
  const uprobes = ['uprobe_multi', null, `${file} (1 function)`, true] as const;
  add('uprobe_multi', {type: 'kprobe', attachType: 48}, {uprobeMulti: file, offset}, uprobes, onEvent);
  const opened = 'security_file_open';
  add('kprobe by ioctl', {type: 'kprobe'}, {kprobe: opened}, ['perf_event', null, `kprobe ${opened}`, false]);
  add('kprobe by link', {type: 'kprobe'}, {kprobeLink: opened}, ['perf_event', null, `kprobe ${opened}`, true], onEvent);
  const kprobes = ['kprobe_multi', null, '1 function', true] as const;
  add('kprobe_multi', {type: 'kprobe', attachType: 42}, {kprobeMulti: opened}, kprobes, onEvent);
  const switches = ['perf_event', null, 'context-switches', true] as const;
  add('software event by link', {type: 'perf_event'}, {softwareEventLink: 3}, switches, onEvent);
  cases.push({
    name: 'software event by ioctl',
    spec: {type: 'perf_event'},
    point: {softwareEvent: 3},
    expected: 'untold',
    runs: true,
  });

  // Before 6.0 nothing says what a function's id means.
  for (const [name, attachType, words] of [
    ['fentry', 24, 'trace_fentry'],
    ['fexit', 25, 'trace_fexit'],
    ['fmod_ret', 26, 'modify_return'],
  ] as const)
    add(name, {type: 'tracing', attachType, attachTo: opened}, {asLoaded: true}, ['tracing', words, opened, true], onEvent);
  // Runs only where `bpf` is among the security modules.
  const lsm = {type: 'lsm', attachTo: `bpf_lsm_file_open`} as const;
  const onLsm = {...onEvent, runs: false};
  add('LSM', lsm, {asLoaded: true}, ['tracing', 'lsm_mac', lsm.attachTo, true], onLsm);
  if (cgroup) {
    const spec = {type: 'lsm', attachType: 43, attachTo: 'bpf_lsm_socket_bind'} as const;
    const words = (linked: boolean) => ['cgroup', 'lsm_cgroup', cgroup.path, linked] as const;
    add('LSM of a cgroup by link', spec, {cgroup: cgroup.dir}, words(true), onLsm);
    add('LSM of a cgroup without link', spec, {cgroupWithoutLink: cgroup.dir}, words(false), onLsm);
  }
  const iterator = {type: 'tracing', attachType: 28, attachTo: 'bpf_iter_bpf_map'} as const;
  add('iterator', iterator, {iterator: true}, ['iter', null, 'bpf_map', true], idle);

  for (const type of ['socket_filter', 'sk_reuseport'] as const)
    cases.push({name: `${type} of a socket`, spec: {type}, point: {socket: true}, expected: 'untold', runs: false});
  return cases;
}

/** What attaching gave: the program's id, or what was refused. */
export type Attached = {readonly id: number} | {readonly code: string; readonly syscall: string};

/** The child, and where it is. */
export interface AttachChild extends Places {
  readonly pid: number;
  attach(spec: TestProgSpec, point: TestAttachPoint): Promise<Attached>;
  /** Does a little of everything. @returns how often each program has run since it was attached. */
  act(): Promise<ReadonlyMap<number, number>>;
  detachAll(): Promise<void>;
}

const body = `
  const fs = require('node:fs'), net = require('node:net'), dgram = require('node:dgram');
  const {spawnSync} = require('node:child_process');
  const testbed = load('testbed.node');
  const statistics = load('bpf.node').enableStats();
  const told = (listen) => new Promise((done) => listen(done));

  const datagram = async (type, address) => {
    const sink = dgram.createSocket(type), socket = dgram.createSocket(type);
    await told((done) => sink.bind(0, address, done));
    sink.address();
    socket.on('error', () => undefined);
    const received = told((done) => sink.once('message', done));
    await told((done) => socket.send('x', sink.address().port, address, done));
    socket.setBroadcast(true);
    socket.getSendBufferSize();
    await received;
    socket.close();
    sink.close();
  };
  const stream = async (where) => {
    const server = net.createServer((peer) => peer.end('x'));
    await told((done) => server.listen(where, done));
    const socket = net.connect(where.path ? where : {...where, port: server.address().port});
    await told((done) => socket.once('connect', done));
    socket.remoteAddress;
    socket.address();
    socket.resume();
    await told((done) => socket.once('close', done));
    await told((done) => server.close(done));
  };
  const ipv6 = Object.values(require('node:os').networkInterfaces().lo ?? []).some(({address}) => address === '::1');
  const act = async () => {
    for (const [type, host] of [['udp4', '127.0.0.1'], ...(ipv6 ? [['udp6', '::1']] : [])]) {
      await datagram(type, host);
      await stream({host, port: 0});
    }
    await stream({path: '\\0bpftop-test-' + process.pid});
    fs.closeSync(fs.openSync('/dev/null'));
    fs.readFileSync('/proc/sys/kernel/ostype');
    spawnSync('true');
    testbed.callProbed();
  };

  let progs = [];
  const commands = {
    attach({spec, point}) {
      let prog;
      try {
        prog = testbed.load(spec);
        prog.attach(point);
        progs.push(prog);
        return {id: prog.id};
      } catch ({code, syscall, message}) {
        prog?.close();
        return code === undefined ? {code: message, syscall: 'attach'} : {code, syscall};
      }
    },
    async act() {
      await act();
      return progs.map((prog) => [prog.id, Number(prog.counters().runCnt)]);
    },
    detach() {
      for (const prog of progs) prog.close();
      progs = [];
      return {};
    },
  };
  const address = testbed.callProbed();
  const [file, offset] = fs.readFileSync('/proc/self/maps', 'utf8').split('\\n').flatMap((line) => {
    const [range, , offset, , , file] = line.split(/ +/);
    const [from, to] = range.split('-').map((hex) => parseInt(hex, 16));
    return from <= address && address < to ? [file, address - from + parseInt(offset, 16)] : [];
  });
  console.log(JSON.stringify({netns: fs.readlinkSync('/proc/self/ns/net'), ipv6, probed: {file, offset}}));
  require('node:readline').createInterface({input: process.stdin}).on('line', async (line) => {
    const {command, ...rest} = JSON.parse(line);
    console.log(JSON.stringify(await commands[command](rest)));
  });
`;

/** Why no such child can be started here; false where it can. */
export const attachChildSkip: string | false =
  !has('unshare', '-n', 'ip', 'link', 'set', 'lo', 'up') && 'needs unshare, ip and the right to use them';

/** Starts it; with the end of the test it goes, and what it attached with it. */
export async function startAttachChild(t: Test): Promise<AttachChild> {
  const root = mountOf('cgroup2');
  const dir = root === undefined ? null : mkdtempSync(path.join(root, 'bpftop-test-'));
  const join = dir === null ? '' : `echo $$ > '${dir}/cgroup.procs' &&`;
  const tracefs = tracefsOf(t);
  const child = startChild(t, body, {
    wrapper: ['unshare', '-n', 'sh', '-c', `${join} ip link set lo up && exec "$@"`, 'sh'],
  });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child.end;
    if (dir !== null) rmdirSync(dir);
  });
  const answer = async <T>(): Promise<T> => {
    const line = await child.line();
    if (line === undefined) throw new Error((await child.end).stderr);
    return JSON.parse(line) as T;
  };
  const ask = <T>(command: string, rest: object = {}): Promise<T> => {
    child.send(JSON.stringify({command, ...rest}));
    return answer<T>();
  };
  const event = tracefs && path.join(tracefs, 'events/sched/sched_process_exec/id');
  return {
    pid: child.pid,
    ...(await answer<Pick<Places, 'netns' | 'ipv6' | 'probed'>>()),
    cgroup: dir === null ? null : {dir, path: `/${path.relative(root!, dir)}`},
    tracepointId: event ? Number(readFileSync(event, 'utf8')) : null,
    attach: (spec, point) => ask('attach', {spec, point}),
    act: async () => new Map(await ask<[number, number][]>('act')),
    detachAll: () => ask('detach'),
  };
}
