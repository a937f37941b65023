/**
 * Debian's packages, of other releases and architectures, fetched once and kept. apt gets a state of its own, so that this machine's
 * is left as it is; the mirror is the one that this machine takes its packages from.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {homedir} from 'node:os';
import path from 'node:path';

const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'bpftop-ts');

/** Runs a command to its end; its output. Throws what it said when it failed. */
export function runTool(command: readonly string[], cwd = '/', timeout?: number): string {
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

/** The folder `name` of the cache: as it is there, or made by `fill` from an empty one. Delete it for a newer one. */
export function fetchOnce(name: string, fill: (folder: string) => void): string {
  const kept = path.join(cache, name);
  if (existsSync(kept)) return kept;
  mkdirSync(path.dirname(kept), {recursive: true});
  const folder = mkdtempSync(path.join(path.dirname(kept), 'fetching-'));
  try {
    const fresh = path.join(folder, 'fresh');
    mkdirSync(fresh);
    fill(fresh);
    // In one step, or not at all.
    renameSync(fresh, kept);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  return kept;
}

export interface Archive {
  /** What apt calls it, as in `Label:` of its Release file. */
  readonly archive: 'Debian' | 'Debian-Security';
  readonly suite: string;
  readonly architecture: 'amd64' | 'arm64';
}

/** Where this machine takes an archive from. */
function mirrorOf(archive: string): string {
  const format = '$(LABEL) $(REPO_URI)';
  const lines = runTool(['apt-get', 'indextargets', '--format', format]).split('\n');
  const found = lines.find((line) => line.startsWith(`${archive} `));
  // A security mirror is all that some machines name; others only the main one.
  if (!found) throw new Error(`apt knows no mirror of ${archive} here (apt-get update makes it known)`);
  return found.slice(archive.length + 1);
}

/**
 * Downloads packages, chosen by `choose` with apt-cache's options for that archive, and hands each file to `use`; each step within
 * `timeoutMs`.
 * @throws Error that says why they can't be had.
 */
export function withPackages(
  {archive, suite, architecture}: Archive,
  choose: (apt: readonly string[]) => readonly string[],
  use: (deb: string) => void,
  timeoutMs: number,
): void {
  mkdirSync(cache, {recursive: true});
  const folder = mkdtempSync(path.join(cache, 'apt-'));
  try {
    const keyrings = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'];
    const keyring = readdirSync('/usr/share/keyrings').find((file) => keyrings.includes(file));
    const signedBy = keyring === undefined ? '' : `[signed-by=/usr/share/keyrings/${keyring}] `;
    const sources = path.join(folder, 'sources.list');
    writeFileSync(sources, `deb ${signedBy}${mirrorOf(archive)} ${suite} main\n`);
    const settings = {
      'Dir::Etc::SourceList': sources,
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': path.join(folder, 'lists'),
      'Dir::State::status': path.join(folder, 'status'), // what is installed here counts for nothing
      'Dir::Cache': path.join(folder, 'cache'),
      'APT::Sandbox::User': '',
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Update::Error-Mode': 'any',
      'Acquire::Retries': '1',
      'Acquire::http::Timeout': '20',
    };
    writeFileSync(path.join(folder, 'status'), '');
    mkdirSync(path.join(folder, 'lists/partial'), {recursive: true});
    mkdirSync(path.join(folder, 'cache/archives/partial'), {recursive: true});
    const apt = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    runTool(['apt-get', ...apt, '-qq', 'update'], folder, timeoutMs);
    runTool(['apt-get', ...apt, '-qq', 'download', ...choose(apt)], folder, timeoutMs);
    for (const file of readdirSync(folder)) if (file.endsWith('.deb')) use(path.join(folder, file));
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
