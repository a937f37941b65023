/** The addons that come with the package: what is in their files, and that they load where the package is to run. */
import {spawnSync} from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import t from 'tap';
import {runTool} from '../helpers/debian.js';
import {type Architecture, architectures, fetchSystem} from './systems.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const headers = path.join(root, 'node_modules/node-api-headers/include');
const files = ['bpf.node', 'testbed.node'] as const;
/** More than they have, less than a C++ library would add. */
const most = {'bpf.node': 600_000, 'testbed.node': 200_000};
/** Exported by glibc twice, and the older one will do: it may overlap. */
const olderWillDo = ['memcpy'];

// Compiling for two architectures, and fetching two systems, the first time.
t.setTimeout(1_800_000);

const folder = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-addons-'));
t.teardown(() => rmSync(folder, {recursive: true}));

function has(tool: string): boolean {
  return spawnSync(tool, ['--version']).error === undefined;
}

/** Why nothing can be tested here; null: it can. */
function unable(name: Architecture): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  const {machine, emulator} = architectures[name];
  const missing = [`${machine}-linux-gnu-g++`, 'readelf', ...emulator].filter((tool) => !has(tool));
  return missing.length > 0 ? `needs ${missing.join(', ')}` : null;
}

/** Symbols that a library exports, with all their versions: the default one first. */
function exportsOf(library: string): Map<string, {version: string; address: string}[]> {
  const found = new Map<string, {version: string; address: string}[]>();
  for (const line of runTool(['nm', '-D', '--defined-only', library]).split('\n')) {
    const [, address = '', name = '', mark, version = ''] = /^(\S+) . ([^@]+)(@@?)?(.*)$/.exec(line) ?? [];
    const known = found.get(name) ?? [];
    found.set(name, mark === '@@' ? [{version, address}, ...known] : [...known, {version, address}]);
  }
  return found;
}

function isOldEnough(version: string): boolean {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) === 2 && Number(minor) <= 28;
}

for (const name of ['x64', 'arm64'] as const) {
  const {machine, emulator} = architectures[name];
  const skip = unable(name);
  void t.test(`the addons for ${name}`, {skip: skip ?? false}, (t) => {
    const prebuilds = path.join(root, 'prebuilds', `linux-${name}`);
    const built = spawnSync(process.execPath, [path.join(root, 'scripts/prebuilds.mjs'), name], {encoding: 'utf8'});
    if (!t.match(built, {status: 0, stderr: ''}, 'compile without a warning')) return void t.end();

    for (const file of files) {
      const addon = path.join(prebuilds, file);
      const elf = runTool(['readelf', '-W', '--dynamic', '--program-headers', '--notes', addon]);
      t.notMatch(elf, /\((NEEDED|R(UN)?PATH|TEXTREL)\)/, `${file} names no library and no folder, and is loaded anywhere`);
      t.match(elf, /\(FLAGS\) +BIND_NOW/, `${file}: no function is looked up late`);
      t.match(elf, /^ +GNU_RELRO /m, `${file}: what the loader has filled in is read-only`);
      t.match(elf, /^ +GNU_STACK .* RW +0x/m, `${file}: no code on the stack`);
      t.notMatch(elf, /^ +LOAD .* RWE /m, `${file}: nothing is both code and writable`);
      // Debian's C++ library for arm64 isn't marked as guarded, so neither is what has some of it inside: there the code tells.
      if (name === 'x64') t.match(elf, /x86 feature: IBT, SHSTK/, `${file}: jumps are guarded`);
      else
        t.match(
          runTool([`${machine}-linux-gnu-objdump`, '--disassemble', addon]),
          /\tpaciasp/,
          `${file}: return addresses are signed`,
        );
      t.same(
        [...exportsOf(addon).keys()].filter(Boolean).sort(),
        ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
        `${file} shows Node its entry alone`,
      );
      t.ok(statSync(addon).size < most[file], `${file} is small: ${statSync(addon).size} bytes`);
      t.notMatch(readFileSync(addon, 'latin1'), root, `${file} doesn't tell where it was made`);
    }

    let system: string;
    try {
      system = fetchSystem(name);
    } catch (error) {
      t.pass('old Debian, musl and Node', {skip: (error as Error).message});
      return void t.end();
    }
    const libraries = (libc: 'gnu' | 'musl') => path.join(system, 'root/lib', `${machine}-linux-${libc}`);
    const glibc = path.join(libraries('gnu'), 'ld-2.31.so');
    const musl = path.join(libraries('musl'), 'libc.so');

    t.test('want of the C library what glibc 2.28 and musl both have', (t) => {
      const inGlibc = new Map([
        ...exportsOf(glibc),
        ...['libc.so.6', 'libpthread.so.0'].flatMap((file) => [...exportsOf(path.join(libraries('gnu'), file))]),
      ]);
      const inMusl = exportsOf(musl);
      for (const file of files) {
        const wanted = runTool(['nm', '-D', '--undefined-only', path.join(prebuilds, file)]);
        const names = wanted.split('\n').flatMap((line) => /^ +U ((?!napi_).+)$/.exec(line)?.[1] ?? []);
        t.ok(names.includes('__stack_chk_fail'), `${file}: stacks are guarded`);
        for (const symbol of names) {
          const versions = inGlibc.get(symbol) ?? [];
          t.ok(
            versions.some(({version}) => isOldEnough(version)),
            `${symbol} of ${file} is in glibc 2.28`,
          );
          t.ok(inMusl.has(symbol), `${symbol} of ${file} is in musl`);
          // Without a version, the loader takes the oldest if that is as old as the library's first, and else the default.
          const first = versions.find(({version}) => version === {x64: 'GLIBC_2.2.5', arm64: 'GLIBC_2.17'}[name]);
          if (first && !olderWillDo.includes(symbol))
            t.equal(first.address, versions[0]?.address, `${symbol} of ${file} has always been the same`);
        }
      }
      t.end();
    });

    t.test('load with the oldest Node and glibc 2.31', (t) => {
      const lines = [
        'const [bpf, testbed] = process.argv.slice(1).map((file) => require(file));',
        'const said = {glibc: process.report.getReport().header.glibcVersionRuntime, arch: process.arch};',
        'const tell = (key, of) => { try { said[key] = of() } catch ({code, syscall}) { said[key] = {code, syscall} } };',
        "tell('group', () => bpf.groupName(0));",
        "tell('lock', () => typeof bpf.lock(process.env.LOCK));",
        "tell('prog', () => typeof testbed.load({type: 'socket_filter'}).id);",
        'console.log(JSON.stringify(said));',
      ];
      const run = spawnSync(
        'env',
        [
          ...['-u', 'NODE_OPTIONS', `LOCK=${path.join(folder, `lock-${name}`)}`, ...emulator, glibc],
          ...['--library-path', `${libraries('gnu')}:${path.join(system, 'root/usr/lib', `${machine}-linux-gnu`)}`],
          ...[path.join(system, 'node'), '-e', lines.join('\n'), ...files.map((file) => path.join(prebuilds, file))],
        ],
        {encoding: 'utf8'},
      );
      t.match(run, {status: 0, stderr: ''});
      const said = JSON.parse(run.stdout || '{}') as {prog: unknown};
      t.match(said, {glibc: '2.31', arch: name, group: 'root', lock: 'number'});
      // An emulator has no bpf(2), and who isn't root may not call it.
      if (said.prog !== 'number') t.match(said.prog, {code: /^(ENOSYS|EPERM)$/, syscall: 'bpf(BPF_PROG_LOAD)'});
      t.end();
    });

    t.test('load with musl', (t) => {
      const wanted = files.flatMap((file) => runTool(['nm', '-D', path.join(prebuilds, file)]).match(/napi_\w+/g) ?? []);
      const stubs = [...new Set(wanted)]
        .filter((symbol) => symbol !== 'napi_register_module_v1')
        .map((symbol) => `__attribute__((weak)) int ${symbol}(void) { return unexpected("${symbol}"); }`);
      writeFileSync(path.join(folder, 'stubs.c'), ['int unexpected(const char*);', ...stubs, ''].join('\n'));
      const host = path.join(folder, `musl-host-${name}`);
      const installed = path.join(system, 'root/usr');
      const sources = [path.join(root, 'test/package/musl-host.c'), path.join(folder, 'stubs.c')];
      const options = ['-std=c11', '-O1', '-Wall', '-Wextra', '-Werror', '-rdynamic', '-no-pie', '-fno-stack-protector'];
      runTool([
        ...[`${machine}-linux-gnu-gcc`, ...options, '-nostdinc', '-nostdlib', '-o', host],
        ...['-isystem', path.join(installed, `include/${machine}-linux-musl`), '-isystem', headers],
        ...[path.join(installed, `lib/${machine}-linux-musl/crt1.o`), ...sources, musl],
      ]);
      const call = (...words: string[]) => {
        const {stdout, stderr, status} = spawnSync('env', [...emulator, musl, host, ...words], {encoding: 'utf8'});
        return {stdout, stderr, status};
      };
      const [bpf, testbed] = files.map((file) => path.join(prebuilds, file)) as [string, string];
      t.same(call(bpf, 'groupName'), {stdout: 'root\n', stderr: '', status: 0});
      t.same(call(bpf, 'lock', path.join(folder, 'lock-musl')), {stdout: 'a number\n', stderr: '', status: 0});
      t.same(call(testbed, 'callProbed'), {stdout: 'a number\n', stderr: '', status: 0});
      t.end();
    });
    t.end();
  });
}

t.test('without a compiler a user is told so, once', {skip: process.platform !== 'linux' && 'needs Linux'}, (t) => {
  const {status, stdout, stderr} = spawnSync('sh', [path.join(root, 'native/build.sh'), path.join(folder, 'none')], {
    encoding: 'utf8',
    env: {PATH: process.env['PATH'], CXX: 'no-such-c++ -m64'},
  });
  const said = 'build: there is no no-such-c++ here; it needs g++ 12 or later (CXX=...).\n';
  t.same({status, stdout, stderr}, {status: 1, stdout: '', stderr: said});
  t.end();
});

t.test(
  'what a user builds, from the sources as they are in the package, is the addon of the package to the byte',
  {skip: unable('x64') ?? false},
  (t) => {
    const native = path.join(folder, "a user's folder/native");
    cpSync(path.join(root, 'native'), native, {recursive: true});
    mkdirSync(path.join(native, '../headers'));
    for (const from of [headers, path.join(root, 'node_modules/node-addon-api')])
      for (const file of readdirSync(from).filter((each) => each.endsWith('.h')))
        copyFileSync(path.join(from, file), path.join(native, '../headers', file));
    const {status, stdout, stderr} = spawnSync('sh', [path.join(native, 'build.sh')], {
      cwd: '/',
      encoding: 'utf8',
      env: {PATH: process.env['PATH'], CXX: 'x86_64-linux-gnu-g++'},
    });
    t.same({status, stdout, stderr}, {status: 0, stdout: '', stderr: ''});
    for (const file of files) {
      const [ours, theirs] = ['prebuilds/linux-x64', path.join(native, '../build/Release')].map((each) =>
        readFileSync(path.resolve(root, each, file)),
      ) as [Buffer, Buffer];
      t.ok(ours.equals(theirs), file);
    }
    t.end();
  },
);
