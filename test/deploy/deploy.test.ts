/** What is given along for running the exporter: that it fits what the exporter is. */
import {spawnSync} from 'node:child_process';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import t from 'tap';
import {parse, parseAllDocuments} from 'yaml';
import {parseOptions, type ServeOptions} from '../../src/cli/options.js';
import {metricNames} from '../../src/output/prometheus.js';
import {promtoolSkip} from '../helpers/prometheus.js';

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const read = (name: string) => readFileSync(path.join(deploy, name), 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
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
    const named = expr.match(/\bbpftop_\w+/g) ?? [];
    t.ok(named.length > 0, expr);
    for (const name of named) t.ok(metricNames.includes(name), `${name} in ${expr}`);
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

t.test('the commands in units and manifests are such as the tool understands', (t) => {
  const [, unit] = /^ExecStart=\S+ (.*)$/m.exec(read('bpftop-ts-exporter.service')) ?? [];
  const manifest = parseAllDocuments(read('bpftop-ts-exporter.daemonset.yaml')).map((each) => each.toJS() as unknown);
  const daemonSet = manifest.find((each) => (each as {kind: string}).kind === 'DaemonSet') as {
    spec: {template: {spec: {containers: [{args: string[]; ports: [{containerPort: number}]}]}}};
  };
  const [{args, ports}] = daemonSet.spec.template.spec.containers;
  const [, image] = /^CMD (\[.*\])$/m.exec(read('Containerfile')) ?? [];
  const commands = [unit!.split(' '), args, JSON.parse(image!) as string[]];
  for (const words of commands) {
    const {command, addresses} = parseOptions(words) as ServeOptions;
    t.equal(command, 'serve');
    t.same(
      addresses.map(({port}) => port),
      [ports[0].containerPort],
    );
  }
  t.end();
});
