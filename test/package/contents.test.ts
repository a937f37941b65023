import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import t from 'tap';
import {prebuilds} from '../../scripts/addon.mjs';
import {has} from '../helpers/mounts.js';
import {outputOf, pack, root, unpack} from '../helpers/package.js';

// Two packs, which build all that can be built without a compiler.
t.setTimeout(600_000);

const notBuilt = prebuilds.filter((file) => !existsSync(path.join(root, file)));
const made = t.testdir({});
const packed = pack(path.join(made, 'packed'));
const published = unpack(packed, path.join(made, 'published'));
const read = (file: string) => readFileSync(path.join(published, file), 'utf8');
const sorted = (values: Iterable<string>) => [...new Set(values)].sort();

/** Files that are there whatever the code is. */
const always = [
  ...['package.json', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'THIRD-PARTY-LICENSES', 'sbom.cdx.json'],
  ...['bin/bpftop-ts.js', 'dist/main.js', 'dist/index.js', 'types/index.d.ts'],
  ...['completions/_bpftop-ts', 'completions/bpftop-ts', 'completions/bpftop-ts.fish'],
  ...['docs/bpftop-ts.8', 'docs/snapshot.schema.json', 'docs/diff.schema.json', 'docs/demo.rec', 'native/build.sh'],
  ...['Containerfile', 'bpftop-ts-exporter.daemonset.yaml', 'bpftop-ts-exporter.service', 'bpftop-ts-share.service'].map(
    (file) => `deploy/${file}`,
  ),
  ...['deploy/bpftop-ts.grafana.json', 'deploy/bpftop-ts.rules.yml'],
  // What of Node and of node-addon-api native/ includes.
  ...['napi.h', 'napi-inl.h', 'node_api.h', 'node_api_types.h', 'js_native_api.h', 'js_native_api_types.h'].map(
    (file) => `headers/${file}`,
  ),
];
/** Parts of the bundle, what the declarations refer to, documents, addons, and their sources. */
const asNeeded = new RegExp(
  `^(${[
    'dist/[\\w-]+-[A-Z0-9]{8}\\.js',
    'types/[\\w/-]+\\.d\\.ts',
    'docs/[\\w-]+\\.md',
    'prebuilds/linux-(x64|arm64)/(bpf|testbed)\\.node',
    'native/[\\w/]+\\.(cc|h|map)',
    'headers/\\w[\\w.-]*\\.h',
  ].join('|')})$`,
);

t.test('it has what it says, nothing else, and nothing that npm would build', (t) => {
  const files = packed.files.map((file) => file.path);
  t.same(
    always.filter((file) => !files.includes(file)),
    [],
  );
  t.same(
    files.filter((file) => !always.includes(file) && !asNeeded.test(file)),
    [],
  );
  t.ok(packed.size <= 2_500_000, `${packed.size} bytes`);
  t.comment(`${packed.size} bytes packed, ${packed.unpackedSize} unpacked, ${files.length} files`);
  t.end();
});

t.test('where its pages point to, there is something in it, but for pictures and what is about a clone', (t) => {
  const files = packed.files.map((file) => file.path);
  const elsewhere = /^(https?:|docs\/\w+\.svg$|CONTRIBUTING\.md$)/;
  let found = 0;
  for (const page of files.filter((file) => file.endsWith('.md')))
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      const at = /^https?:/.test(target) ? target : path.join(path.dirname(page), target);
      if (elsewhere.test(at)) continue;
      t.ok(
        files.some((file) => file === at || (at.endsWith('/') && file.startsWith(at))),
        `${page}: ${target}`,
      );
      found++;
    }
  t.ok(found > 10, `${found} of them`);
  t.end();
});

t.test(
  'it has the addons of all architectures',
  {skip: notBuilt.length > 0 && `npm run prebuilds has not made ${notBuilt.join(', ')}`},
  (t) => {
    const addons = packed.files.map((file) => file.path).filter((file) => file.endsWith('.node'));
    t.same(addons.sort(), [...prebuilds].sort());
    t.end();
  },
);

t.test('what lies in a checkout is not published, with or without addons', (t) => {
  const {status, stderr} = spawnSync('npm', ['run', '--silent', 'prepublishOnly'], {cwd: root, encoding: 'utf8'});
  t.match({status, stderr}, {status: 1, stderr: /^publish: not from a checkout, but the tarball/m});
  t.end();
});

t.test('it installs nothing else, runs nothing on installing, and installs anywhere', (t) => {
  const manifest = JSON.parse(read('package.json')) as Record<string, unknown>;
  for (const key of [
    'dependencies',
    'optionalDependencies',
    'peerDependencies',
    'bundleDependencies',
    'os',
    'cpu',
    'private',
  ])
    t.notOk(key in manifest, key);
  const scripts = Object.keys(manifest['scripts'] as object);
  // A binding.gyp would have npm run node-gyp as well; the list of files has none.
  const onInstalling = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
  t.same(
    scripts.filter((name) => onInstalling.includes(name)),
    [],
  );
  t.end();
});

/** Names and versions of the packages that the published bundle says it has code of. */
function packagesInBundle(): string[] {
  const require = createRequire(path.join(root, 'package.json'));
  const files = readdirSync(path.join(published, 'dist')).map((file) => read(`dist/${file}`));
  const folders = files.flatMap((text) =>
    [...text.matchAll(/^\/\/ (node_modules\/(?:.*\/node_modules\/)?(?:@[^/\n]+\/)?[^/\n]+)\/.*$/gm)].map(([, at]) => at!),
  );
  return sorted(
    [...folders, 'node_modules/node-addon-api', 'node_modules/node-api-headers'].map((folder) => {
      const {name, version} = require(`./${folder}/package.json`) as {name: string; version: string};
      return `${name}@${version}`;
    }),
  );
}

t.test('licences and bill of materials are of what is bundled, all of it and nothing else', (t) => {
  const bundled = packagesInBundle();
  t.ok(bundled.length > 20);
  const licences = [
    ...read('THIRD-PARTY-LICENSES').matchAll(/^-+\n(\S+) \((.*)\)\n-+\n\n(\S[^]*?)(?=\n-{80}\n|$(?![^]))/gm),
  ];
  t.same(sorted(licences.map(([, id]) => id!)), bundled);
  for (const [, id, licence, text] of licences) {
    t.match(licence, /^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0)$/, id!);
    t.match(text, /Permission (is hereby granted|to use)|Redistribution and use|Apache License/, id!);
  }

  const bill = JSON.parse(read('sbom.cdx.json')) as {
    metadata: {component: {name: string; version: string}};
    components: {name: string; version: string; hashes: unknown[]; licenses: unknown[]}[];
    dependencies: {ref: string; dependsOn: string[]}[];
  };
  const {name, version} = JSON.parse(read('package.json')) as {name: string; version: string};
  t.match(bill.metadata.component, {name, version});
  t.same(sorted(bill.components.map((each) => `${each.name}@${each.version}`)), bundled);
  for (const each of bill.components) t.ok(each.hashes.length > 0 && each.licenses.length > 0, each.name);
  t.same(sorted(bill.dependencies.map(({ref}) => ref)), sorted([`${name}@${version}`, ...bundled]));
  t.end();
});

t.test(
  'who compiles the addon there has all that it is made of',
  {skip: !has('c++', '--version') && 'there is no c++ here'},
  (t) => {
    const sources = outputOf('git', ['ls-files', 'native']).trim().split('\n').sort();
    const files = packed.files.map((file) => file.path).filter((file) => file.startsWith('native/'));
    t.same(files.sort(), sources);
    const defined = ['-DNAPI_VERSION=9', '-DNAPI_DISABLE_CPP_EXCEPTIONS', '-DNODE_GYP_MODULE_NAME=any'];
    const words = ['-std=c++20', '-fsyntax-only', ...defined, '-isystem', 'headers', '-Inative', 'native/addon.cc'];
    t.doesNotThrow(() => outputOf('c++', words, published));
    t.end();
  },
);

t.test('declarations refer to nothing that is not in it', (t) => {
  const files = readdirSync(path.join(published, 'types'), {recursive: true, encoding: 'utf8'});
  const texts = files.filter((file) => file.endsWith('.d.ts')).map((file) => read(path.join('types', file)));
  t.ok(texts.length > 5);
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?:from|import|types=|require)\s*\(?["']([^"']+)["']/g)].map(([, name]) => name!),
  );
  t.same(
    names.filter((name) => !name.startsWith('.')),
    [],
  );
  t.end();
});

t.test('another checkout, elsewhere, with another name, is packed to the same bytes', (t) => {
  const other = path.join(made, 'a checkout with a longer name', 'of another depth');
  mkdirSync(other, {recursive: true});
  const tracked = outputOf('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']).split('\0');
  for (const file of tracked.filter((file) => file !== '' && existsSync(path.join(root, file))))
    cpSync(path.join(root, file), path.join(other, file));
  // What was compiled is taken as it is.
  const prebuilds = path.join(root, 'prebuilds');
  if (existsSync(prebuilds)) cpSync(prebuilds, path.join(other, 'prebuilds'), {recursive: true});
  symlinkSync(path.join(root, 'node_modules'), path.join(other, 'node_modules'));
  const again = pack(path.join(made, 'packed again'), other);
  t.ok(readFileSync(packed.tarball).equals(readFileSync(again.tarball)), `${packed.tarball} ${again.tarball}`);
  t.end();
});
