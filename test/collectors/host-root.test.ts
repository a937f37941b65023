import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os, {tmpdir} from 'node:os';
import path from 'node:path';
import t from 'tap';
import {homeProcess, inHost, openHostRoot} from '../../src/collectors/host-root.js';
import {readHost} from '../../src/collectors/host.js';
import {exitStatus, UserError} from '../../src/errors.js';

t.test('the root is the root, however it is written', (t) => {
  for (const dir of ['/', '//', '/.', '/usr/..']) t.equal(openHostRoot(dir), '/', dir);
  t.equal(inHost('/', 'proc'), '/proc');
  t.equal(inHost('/host', 'proc'), '/host/proc');
  t.equal(homeProcess('/'), 'self');
  t.equal(homeProcess('/host'), '1');
  t.end();
});

t.test('what is no host is refused, with what would make it one', (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  for (const name of ['empty', 'plain/proc', 'file']) mkdirSync(path.join(dir, name), {recursive: true});
  writeFileSync(path.join(dir, 'file/proc'), '');
  for (const [name, message] of [
    ['nowhere', /stat: ENOENT\. Mount the host there: docker run .* -v \/:\/.*nowhere:ro/],
    ['file/proc', /it is no directory\. Mount the host there/],
    ['empty', /statfs\(.*empty\/proc\): ENOENT\. Mount the host there/],
    ['plain', /plain\/proc is no procfs\. Mount the host's there too: -v \/proc:.*plain\/proc:ro/],
    ['file', /file\/proc is no procfs/],
  ] as const) {
    const thrown = t.throws(() => openHostRoot(path.join(dir, name)), {message}) as unknown;
    t.ok(thrown instanceof UserError && thrown.exitStatus === exitStatus.usage, name);
  }
  t.end();
});

t.test('a directory with a procfs is a host', {skip: process.platform !== 'linux' && 'needs Linux'}, (t) => {
  // What a process sees as its root, by way of its procfs.
  t.equal(openHostRoot('/proc/self/root'), '/proc/self/root');
  t.end();
});

t.test('another host says its own names', (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  const write = (file: string, text: string) => {
    mkdirSync(path.join(dir, path.dirname(file)), {recursive: true});
    writeFileSync(path.join(dir, file), text);
  };
  t.match(readHost(dir), {hostname: os.hostname(), bootId: null});
  write('proc/sys/kernel/hostname', 'reader\n');
  t.equal(readHost(dir).hostname, 'reader');
  write('etc/hostname', 'node-7\n');
  write('proc/sys/kernel/random/boot_id', 'f00d\n');
  write('sys/devices/system/cpu/online', '0-6\n');
  t.match(readHost(dir), {hostname: 'node-7', bootId: 'f00d', cpusOnline: 7});
  t.end();
});
