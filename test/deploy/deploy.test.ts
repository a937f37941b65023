/** What is given along for running the exporter: that it fits what the exporter is. */
import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import t from 'tap';
import {parse, parseAllDocuments} from 'yaml';
import {bundleOptions, entryPoints} from '../../scripts/bundle.mjs';
import {parseOptions, type ServeOptions} from '../../src/cli/options.js';
import {metricNames} from '../../src/output/prometheus.js';
import {nobodyWith} from '../helpers/child.js';
import {start} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {parseExposition, promtoolSkip} from '../helpers/prometheus.js';

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const read = (name: string) => readFileSync(path.join(deploy, name), 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly fieldConfig?: {readonly defaults: {readonly unit?: string}};
    readonly targets: readonly {readonly expr: string}[];
  }[];
}

const dashboard = JSON.parse(read('bpftop-ts.grafana.json')) as Dashboard;
const dashboardExprs = dashboard.panels.flatMap(({targets}) => targets.map(({expr}) => expr));
const rules = parse(read('bpftop-ts.rules.yml')) as {groups: {rules: {alert: string; expr: string}[]}[]};
const ruleExprs = rules.groups.flatMap((group) => group.rules.map(({expr}) => expr));

t.test('every metric that dashboard and rules name is one of ours', (t) => {
  t.ok(dashboardExprs.length > 0 && ruleExprs.length > 0);
  for (const expr of [...dashboardExprs, ...ruleExprs]) {
    // `up` is Prometheus' own.
    const named = expr.match(/\bbpftop_\w+|\bup(?=\{)/g) ?? [];
    t.ok(named.length > 0, expr);
    for (const name of named) t.ok(name === 'up' || metricNames.includes(name), `${name} in ${expr}`);
  }
  const ids = dashboard.panels.map(({id}) => id);
  t.equal(new Set(ids).size, ids.length, 'each panel has an id of its own');
  t.end();
});

t.test('rules and the dashboard’s queries can be read by Prometheus', {skip: promtoolSkip}, (t) => {
  const promtool = (file: string) => spawnSync('promtool', ['check', 'rules', file], {encoding: 'utf8'});
  const checked = promtool(path.join(deploy, 'bpftop-ts.rules.yml'));
  t.equal(checked.status, 0, checked.stderr);
  // Each query as a rule, with what Grafana puts in.
  const queries = dashboardExprs.map((expr, i) => ({
    record: `query:${i}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  }));
  const file = path.join(t.testdir({}), 'queries.yml');
  writeFileSync(file, JSON.stringify({groups: [{name: 'dashboard', rules: queries}]}));
  const asked = promtool(file);
  t.equal(asked.status, 0, asked.stderr);
  t.end();
});

t.test('the job of docs/metrics.md is one that Prometheus can read, and that the alerts name', (t) => {
  const page = readFileSync(path.join(deploy, '../docs/metrics.md'), 'utf8');
  const [, text = ''] = /^```yaml\n(scrape_configs:[^]*?)^```$/m.exec(page) ?? [];
  const config = parse(text) as {scrape_configs: {job_name: string; static_configs: {targets: string[]}[]}[]};
  const jobs = config.scrape_configs.map((each) => each.job_name);
  const asked = ruleExprs.flatMap((expr) => [...expr.matchAll(/\bjob="([^"]*)"/g)].map(([, job]) => job));
  t.ok(asked.length > 0);
  t.same(asked, jobs);
  if (!promtoolSkip) {
    const file = path.join(t.testdir({}), 'prometheus.yml');
    writeFileSync(file, text.replace(/(?<=_file: ).*/g, file));
    const {status, stdout, stderr} = spawnSync('promtool', ['check', 'config', '--syntax-only', file], {encoding: 'utf8'});
    t.equal(status, 0, `${stdout}${stderr}`);
  }
  t.end();
});

t.test('the sleeping of programs that may sleep is shown as no CPU share', (t) => {
  const shares = dashboard.panels.filter(({fieldConfig}) => fieldConfig?.defaults.unit === 'percentunit');
  const timed = shares.flatMap(({targets}) => targets).filter(({expr}) => /_run_time_seconds_total/.test(expr));
  t.ok(timed.length > 0);
  for (const {expr} of timed) t.match(expr, 'sleepable!="true"');
  t.end();
});

t.test('alerts: programs that take CPU, not those that sleep; what is left out now and then', {skip: promtoolSkip}, (t) => {
  const labels = 'instance="a",name="p",type="lsm",namespace="",pod=""';
  const alertsOf = (series: string, values: string) => ({
    interval: '1m',
    input_series: [{series, values}],
    alert_rule_test: ['BpfProgramExpensive', 'BpftopSeriesDropped'].map((alertname) => ({
      eval_time: '50m',
      alertname,
      exp_alerts: [] as object[],
    })),
  });
  const tests = [
    alertsOf(`bpftop_run_time_seconds_total{${labels},sleepable="true"}`, '0+60x60'),
    alertsOf(`bpftop_run_time_seconds_total{${labels},sleepable="false"}`, '0+60x60'),
    alertsOf('bpftop_series_dropped{instance="a"}', '0x60'),
    alertsOf('bpftop_series_dropped{instance="a"}', '0 0 3 0 0 0 '.repeat(10).trim()),
  ];
  const file = path.join(t.testdir({}), 'alerts.yml');
  const fired = tests.map((test) => {
    writeFileSync(file, JSON.stringify({rule_files: [path.join(deploy, 'bpftop-ts.rules.yml')], tests: [test]}));
    // It fails where there is an alert that wasn't expected, and names it.
    const {stdout, stderr} = spawnSync('promtool', ['test', 'rules', file], {encoding: 'utf8'});
    return [...`${stdout}${stderr}`.matchAll(/alertname: ?(\w+)/g)].map(([, name]) => name);
  });
  t.same(fired, [[], ['BpfProgramExpensive'], [], ['BpftopSeriesDropped']]);
  t.end();
});

const systemdSkip = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'needs systemd-analyze';

t.test('systemd understands the units', {skip: systemdSkip}, (t) => {
  for (const name of readdirSync(deploy).filter((each) => each.endsWith('.service'))) {
    // Where the tool isn't installed, a command that is.
    const file = path.join(t.testdir({}), name);
    writeFileSync(file, read(name).replaceAll('/usr/local/bin/bpftop-ts', process.execPath));
    const {status, stderr} = spawnSync('systemd-analyze', ['verify', file], {encoding: 'utf8'});
    t.same({status, stderr}, {status: 0, stderr: ''}, name);
  }
  t.end();
});

const unit = read('bpftop-ts-exporter.service');
const capabilities = (/^AmbientCapabilities=(.*)$/m.exec(unit)?.[1] ?? '')
  .split(' ')
  .map((name) => name.replace('CAP_', ''));

interface Container {
  readonly name: string;
  readonly args: string[];
  readonly ports: readonly {readonly name: string; readonly containerPort: number}[];
  readonly livenessProbe: {readonly httpGet: {readonly path: string; readonly port: string}};
  readonly readinessProbe: Container['livenessProbe'];
  readonly securityContext: {readonly capabilities: {readonly drop: string[]; readonly add: string[]}};
  readonly volumeMounts: readonly {readonly name: string; readonly mountPath: string}[];
}
interface Labelled {
  readonly metadata: {readonly name: string; readonly namespace?: string; readonly labels: Readonly<Record<string, string>>};
}
interface DaemonSet extends Labelled {
  readonly spec: {
    readonly selector: {readonly matchLabels: Readonly<Record<string, string>>};
    readonly template: Omit<Labelled, 'name'> & {
      readonly spec: {readonly containers: readonly [Container]; readonly volumes: readonly {readonly name: string}[]};
    };
  };
}

const documents = parseAllDocuments(read('bpftop-ts-exporter.daemonset.yaml'));
const manifests = documents.map((each) => each.toJS() as Labelled & {readonly kind: string});
const manifest = <T extends Labelled>(kind: string) => manifests.find((each) => each.kind === kind) as T & {kind: string};
const daemonSet = manifest<DaemonSet>('DaemonSet');
const [container] = daemonSet.spec.template.spec.containers;

t.test('what the manifest names is there, under that name', (t) => {
  t.same(
    documents.flatMap(({errors, warnings}) => [...errors, ...warnings]),
    [],
  );
  t.equal(daemonSet.metadata.namespace, manifest('Namespace').metadata.name);
  t.match(daemonSet.spec.template.metadata.labels, daemonSet.spec.selector.matchLabels);
  t.same(
    container.volumeMounts.map(({name}) => name),
    daemonSet.spec.template.spec.volumes.map(({name}) => name),
  );
  t.ok(container.args.includes(container.volumeMounts[0]?.mountPath ?? ''), 'it reads the host where that is mounted');
  for (const {httpGet} of [container.livenessProbe, container.readinessProbe])
    t.equal(httpGet.port, container.ports[0]?.name, httpGet.path);
  t.end();
});

t.test('unit and manifest give the same capabilities, and no others but those for becoming nobody', (t) => {
  t.ok(capabilities.length > 0);
  t.match(unit, `CapabilityBoundingSet=${capabilities.map((name) => `CAP_${name}`).join(' ')}\n`);
  t.same(container.securityContext.capabilities, {drop: ['ALL'], add: [...capabilities, 'SETGID', 'SETUID']});
  t.end();
});

const setprivSkip = spawnSync('setpriv', ['--version']).status !== 0 && 'needs setpriv';

t.test('with these capabilities alone a user of its own reads all', {skip: kernelSkip || setprivSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'deployed', maps: ['map_of_it']});
  const through = [...nobodyWith(...capabilities.map((name) => name.toLowerCase())), '--no-new-privs'];
  for (const sampler of ['iterator', 'walk']) {
    const exporter = start(['serve', '--listen', '127.0.0.1:0', '--sampler', sampler], {through});
    t.teardown(() => exporter.kill('SIGKILL'));
    const [said] = (await once(exporter.stderr, 'data')) as [Buffer];
    const [url = said.toString()] = /http:\S+metrics/.exec(said.toString()) ?? [];
    const series = parseExposition(await (await fetch(url)).text());
    const of = (name: string) =>
      series.filter(({labels, ...each}) => each.name === name && labels['program_id'] === String(prog.id));
    t.equal(of('bpftop_program_info').length, 1, sampler);
    t.equal(of('bpftop_program_owner_info')[0]?.labels['pid'], String(process.pid));
    t.ok(series.some(({name, labels}) => name === 'bpftop_map_info' && labels['name'] === 'map_of_it'));
    const failed = series.filter(({name, value}) => name === 'bpftop_collection_errors_total' && value > 0);
    t.same(failed, []);
    exporter.kill();
    t.same(await once(exporter, 'exit'), [143, null]);
  }
});

t.test('the commands in units and manifests are such as the tool understands', (t) => {
  const [, command] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
  const [, image] = /^CMD (\[.*\])$/m.exec(read('Containerfile')) ?? [];
  const commands = [command!.split(' '), container.args, JSON.parse(image!) as string[]];
  for (const words of commands) {
    const options = parseOptions(words) as ServeOptions;
    t.equal(options.command, 'serve');
    t.same(
      options.addresses.map(({port}) => port),
      [container.ports[0]?.containerPort],
    );
  }
  t.end();
});

t.test('the image: from what is copied the same bundle is made, and what that reads is in it', async (t) => {
  const root = path.dirname(deploy);
  const [builder = '', final = ''] = read('Containerfile').split(/^(?=FROM .*-slim)/m);
  const copied = [...builder.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, files]) => files!.split(' '));
  t.ok(copied.length > 0);
  // Not below this checkout, where esbuild would find its tsconfig.json.
  const src = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-image-'));
  t.teardown(() => rmSync(src, {recursive: true}));
  for (const file of copied) cpSync(path.join(root, file), path.join(src, file), {recursive: true});
  symlinkSync(path.join(root, 'node_modules'), path.join(src, 'node_modules'));
  const {status, stderr} = spawnSync(process.execPath, ['scripts/build.mjs', 'bundle'], {cwd: src, encoding: 'utf8'});
  t.same({status, stderr}, {status: 0, stderr: ''});
  const {outputFiles} = await build({...bundleOptions, entryPoints, outdir: 'dist', write: false});
  const whole = outputFiles.map((file) => [path.basename(file.path), file.text] as const).sort();
  const names = readdirSync(path.join(src, 'dist')).sort();
  t.same(
    names,
    whole.map(([name]) => name),
  );
  for (const [name, text] of whole) t.ok(text === readFileSync(path.join(src, 'dist', name), 'utf8'), name);

  const taken = [...final.matchAll(/^COPY --from=build (.*) (\S+)$/gm)].flatMap(([, files, at]) =>
    files!.split(' ').map((file) => ({file: file.replace('/src/', ''), at: at!})),
  );
  const built = ['dist', 'build/Release/bpf.node', 'build/Release/testbed.node'];
  for (const {file, at} of taken) {
    t.ok([...copied, ...built].includes(file), `${file} is there`);
    t.ok([file, './', `${path.dirname(file)}/`].includes(at), `${file} lies where it is looked for: ${at}`);
  }
  const wanted = whole.flatMap(([, text]) => [...text.matchAll(/["`]\.\.\/(docs\/[\w.]+)["`]/g)].map(([, file]) => file!));
  t.ok(wanted.length > 0);
  for (const file of [...built, ...wanted])
    t.ok(
      taken.some((each) => each.file === file),
      `${file} is in the image`,
    );
});
