/** The web configuration file: what it may say, what is refused, and TLS as it comes out of it. */
import {spawnSync} from 'node:child_process';
import {chmodSync, readFileSync, writeFileSync} from 'node:fs';
import {get, type RequestOptions} from 'node:https';
import path from 'node:path';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import {listen, Page} from '../../src/serve/server.js';
import {readWebConfig} from '../../src/serve/web-config.js';

const opensslSkip: string | false = spawnSync('openssl', ['version']).status !== 0 && 'needs openssl';

function write(t: Test, text: string): string {
  const file = path.join(t.testdir({'web.yml': text}), 'web.yml');
  chmodSync(file, 0o600);
  return file;
}

const hash = hashSync('x', 4);

t.test('an empty file lets anybody in', (t) => {
  for (const text of ['', '# nothing\n', 'tls_server_config:\nbasic_auth_users:\n'])
    t.same(readWebConfig(write(t, text)), {tls: null, users: null, headers: {}, warnings: []});
  t.end();
});

t.test('users and headers', (t) => {
  const file = write(
    t,
    `basic_auth_users:\n  prom: ${hash}\nhttp_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n`,
  );
  t.match(readWebConfig(file), {
    users: new Map([['prom', hash]]),
    headers: {'X-Frame-Options': 'deny'},
    warnings: [/no tls_server_config/],
  });
  chmodSync(file, 0o644);
  t.match(readWebConfig(file).warnings, [/can be read by every user/, /no tls_server_config/]);
  t.end();
});

t.test('what it can’t be is refused in a sentence', (t) => {
  const users = (value: string) => `basic_auth_users:\n  prom: ${value}\n`;
  const deep = Array.from({length: 20}, (_, i) => `a${i}: &a${i} [${i ? `*a${i - 1},*a${i - 1}` : 'x'}]`).join('\n');
  const wrong: readonly [string, RegExp][] = [
    ['[1, 2]', /it is no mapping/],
    ['tls: {}', /it has 'tls'\. There are tls_server_config/],
    ['a: [', /line 1 is no YAML/],
    [`http_server_config:\n---\nbasic_auth_users:\n  prom: ${hash}\n`, /line 2 is no YAML \(MULTIPLE_DOCS\)/],
    [users(`["${hash}"]`), /'prom' has is no bcrypt hash/],
    ['tls_server_config: {key_file: "a\\0b"}', /key_file is no text/],
    [`${'x'.repeat(1000)}: 1`, /it has 'x{40}…'\. There are/],
    [deep, /it has 'a0'|alias/i],
    ['basic_auth_users: {}', /names nobody/],
    [`basic_auth_users: {'': ${hash}}`, /has somebody without a name/],
    [users('secret'), /'prom' has is no bcrypt hash\. Make one: htpasswd/],
    [users(hash.replace('$04$', '$31$')), /has cost 31; it can be 4 to 14/],
    [`basic_auth_users:\n  "a:b": ${hash}\n`, /has a colon/],
    ['tls_server_config: {}', /tls_server_config.key_file is no text/],
    ['tls_server_config: {cipher_suites: []}', /tls_server_config has 'cipher_suites'/],
    [
      'tls_server_config: {key_file: k, cert_file: c, client_auth_type: RequireAndVerifyClientCert}',
      /needs a client_ca_file/,
    ],
    ['tls_server_config: {key_file: k, cert_file: c, client_auth_type: Maybe}', /client_auth_type is one of NoClientCert/],
    ['http_server_config: {http2: maybe}', /http2 is true or false/],
    ['http_server_config: {headers: {Server: me}}', /headers has 'Server'/],
    ['http_server_config: {headers: {X-Frame-Options: "a\\nb"}}', /no header may have/],
  ];
  for (const [text, message] of wrong) t.throws(() => readWebConfig(write(t, text)), {message, exitStatus: 2}, text);
  t.throws(() => readWebConfig('/no such/file'), {message: /cannot read .*: ENOENT\. Check/, exitStatus: 1});
  const dir = t.testdir({'web.yml': 'tls_server_config: {cert_file: c, key_file: k}', c: 'no', k: 'pem'});
  t.throws(() => readWebConfig(path.join(dir, 'web.yml')), {
    message: /tls_server_config: .*It needs a certificate/s,
    exitStatus: 2,
  });
  t.end();
});

/** A CA, and a server's and a client's certificate of it, in a directory of the test. */
function makeCertificates(t: Test): string {
  const dir = t.testdir({});
  const openssl = (...words: string[]) => {
    const {status, stderr} = spawnSync('openssl', words, {cwd: dir, encoding: 'utf8'});
    if (status !== 0) throw new Error(stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  for (const ca of ['ca', 'other'])
    openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`);
  for (const [name, ca] of [
    ['server', 'ca'],
    ['client', 'ca'],
    ['stranger', 'other'],
  ] as const)
    openssl(
      'req',
      '-x509',
      ...key,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      '/CN=localhost',
    );
  return dir;
}

t.test('TLS, and clients by their certificate', {skip: opensslSkip}, async (t) => {
  const dir = makeCertificates(t);
  const pem = (name: string) => readFileSync(path.join(dir, name), 'utf8');
  const asked = [
    'NoClientCert',
    'RequestClientCert',
    'RequireAnyClientCert',
    'VerifyClientCertIfGiven',
    'RequireAndVerifyClientCert',
  ];
  const admitted: Record<string, string[]> = {};
  for (const auth of asked) {
    const ca = auth === 'NoClientCert' ? '' : 'client_ca_file: ca.pem,';
    const file = path.join(dir, 'web.yml');
    writeFileSync(
      file,
      `tls_server_config: {cert_file: server.pem, key_file: server.key, ${ca} client_auth_type: ${auth}}`,
      {mode: 0o600},
    );
    const config = readWebConfig(file);
    t.same(config.warnings, []);
    const content = {metrics: () => Promise.resolve(new Page('text/plain', 'x')), problem: () => Promise.resolve(null)};
    const server = await listen([{host: '127.0.0.1', port: 0}], config, content);
    const statusWith = (options: RequestOptions) =>
      new Promise<number | null>((resolve) => {
        const request = get(
          `${server.urls[0]!}/metrics`,
          {...options, ca: pem('ca.pem'), servername: 'localhost', checkServerIdentity: () => undefined, agent: false},
          (response) => {
            response.resume();
            resolve(response.statusCode ?? null);
          },
        );
        request.on('error', () => resolve(null));
      });
    const clients = {
      nobody: {},
      client: {cert: pem('client.pem'), key: pem('client.key')},
      stranger: {cert: pem('stranger.pem'), key: pem('stranger.key')},
    };
    admitted[auth] = [];
    for (const [name, options] of Object.entries(clients))
      if ((await statusWith(options)) === 200) admitted[auth].push(name);
    t.equal(await statusWith({...clients.client, maxVersion: 'TLSv1.1', minVersion: 'TLSv1'}), null, 'no old TLS');
    server.configure(readWebConfig(file));
    const other = asked[(asked.indexOf(auth) + 1) % asked.length] as (typeof asked)[number];
    const changed = {...config, tls: {...config.tls!, clientAuth: other as NonNullable<typeof config.tls>['clientAuth']}};
    t.throws(() => server.configure(changed), {message: /client_auth_type can be changed by a restart only/});
    t.throws(() => server.configure({...config, tls: null}), {message: /by a restart only/});
    await server.close(0);
  }
  t.same(admitted, {
    NoClientCert: ['nobody', 'client', 'stranger'],
    RequestClientCert: ['nobody', 'client', 'stranger'],
    RequireAnyClientCert: ['client', 'stranger'],
    VerifyClientCertIfGiven: ['nobody', 'client'],
    RequireAndVerifyClientCert: ['client'],
  });
});
