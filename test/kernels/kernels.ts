/**
 * Kernels to boot: Debian's own, fetched once through apt and kept. apt gets a state of its own, so that this machine's is left as it
 * is; the mirror is the one that this machine takes its packages from.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {homedir} from 'node:os';
import path from 'node:path';

export interface Kernel {
  /** As on the command line. */
  readonly name: string;
  /** Boots in QEMU, or is itself a program. */
  readonly runs: 'qemu' | 'uml';
  /** What apt calls the archive, as in `Label:` of its Release file. */
  readonly archive: 'Debian' | 'Debian-Security';
  readonly suite: string;
  readonly package: string;
  /** In the package, a pattern of tar's. */
  readonly file: string;
  /** What `auto` must come to here. */
  readonly sampler: 'iterator' | 'walk';
}

const image = {runs: 'qemu', package: 'linux-image-cloud-amd64', file: '*/vmlinuz*', sampler: 'iterator'} as const;

/** One of each kind: what BPF can differs most between these. Nothing older is to be had of Debian. */
export const kernels: readonly Kernel[] = [
  {...image, name: '5.10', archive: 'Debian-Security', suite: 'bullseye-security'},
  {...image, name: '6.1', archive: 'Debian-Security', suite: 'bookworm-security'},
  {...image, name: '6.12', archive: 'Debian', suite: 'trixie'},
  {...image, name: '7.x', archive: 'Debian', suite: 'forky'},
  // User-mode Linux 6.1: no BTF, no JIT.
  {
    ...{name: 'uml', runs: 'uml', package: 'user-mode-linux', file: './usr/bin/linux.uml', sampler: 'walk'},
    ...{archive: 'Debian', suite: 'bookworm'},
  },
];

const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'bpftop-ts/kernels');

/** Runs a command to its end; its output. Throws what it said when it failed. */
function run(command: readonly string[], cwd = '/', timeout?: number): string {
  const {status, stdout, stderr, error} = spawnSync(command[0] as string, command.slice(1), {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout,
  });
  if (status !== 0) {
    const why = error?.message ?? stderr.trim().split('\n').at(-1);
    throw new Error(`${command[0]}: ${why}`);
  }
  return stdout;
}

/** Where this machine takes an archive from. */
function mirrorOf(archive: string): string {
  const format = '$(LABEL) $(REPO_URI)';
  const lines = run(['apt-get', 'indextargets', '--format', format]).split('\n');
  const found = lines.find((line) => line.startsWith(`${archive} `));
  // A security mirror is all that some machines name; others only the main one.
  if (!found) throw new Error(`apt knows no mirror of ${archive} here (apt-get update makes it known)`);
  return found.slice(archive.length + 1);
}

/** A kernel package is often only a name for the present one, which may be split as well. */
function resolve(apt: readonly string[], name: string): string {
  const lines = run(['apt-cache', ...apt, 'depends', '--important', name]).split('\n');
  const next = lines.map((line) => /^ {2}Depends: (linux-(?:image|binary)-\d.*)$/.exec(line)?.[1]).find(Boolean);
  return next === undefined ? name : resolve(apt, next);
}

function download(kernel: Kernel, folder: string, timeoutMs: number): void {
  const keyrings = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'];
  const keyring = readdirSync('/usr/share/keyrings').find((file) => keyrings.includes(file));
  const signedBy = keyring === undefined ? '' : `[signed-by=/usr/share/keyrings/${keyring}] `;
  const sources = path.join(folder, 'sources.list');
  writeFileSync(sources, `deb ${signedBy}${mirrorOf(kernel.archive)} ${kernel.suite} main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': path.join(folder, 'lists'),
    'Dir::Cache': path.join(folder, 'cache'),
    'APT::Sandbox::User': '',
    'APT::Architecture': 'amd64',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
  };
  mkdirSync(path.join(folder, 'lists/partial'), {recursive: true});
  mkdirSync(path.join(folder, 'cache/archives/partial'), {recursive: true});
  const apt = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run(['apt-get', ...apt, '-qq', 'update'], folder, timeoutMs);
  run(['apt-get', ...apt, '-qq', 'download', resolve(apt, kernel.package)], folder, timeoutMs);
  const deb = readdirSync(folder).find((file) => file.endsWith('.deb')) as string;
  mkdirSync(path.join(folder, 'kernel'));
  run(['sh', '-c', 'dpkg-deb --fsys-tarfile "$1" | tar -x -C kernel --wildcards "$2"', 'sh', deb, kernel.file], folder);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/**
 * The kernel's file, from the cache, or fetched into it, each step within `timeoutMs`. Delete its folder there for a newer one.
 * @throws Error that says why it can't be had.
 */
export function fetchKernel(kernel: Kernel, timeoutMs: number): string {
  const kept = path.join(cache, kernel.name);
  const cached = () => filesBelow(kept)[0] as string;
  try {
    return cached();
  } catch {
    // Not fetched yet.
  }
  mkdirSync(cache, {recursive: true});
  const folder = mkdtempSync(path.join(cache, 'fetching-'));
  try {
    download(kernel, folder, timeoutMs);
    // In one step, or not at all.
    renameSync(path.join(folder, 'kernel'), kept);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  return cached();
}
