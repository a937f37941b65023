import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import {readWebConfig} from '../../src/serve/web-config.js';
import {checkRefusal, damage, damageText, fuzz, triesMany} from '../helpers/fuzz.js';

const hash = hashSync('x', 4);
const examples = [
  `basic_auth_users:\n  prom: ${hash}\n  "graf ana": '${hash}'\n`,
  `# comment\nhttp_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: "1"\n`,
  'tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  min_version: TLS13\n',
  `tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: server.pem, client_auth_type: RequireAnyClientCert}\nbasic_auth_users: {a: ${hash}}`,
  'tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: true\n  curve_preferences:\n    - X25519\n    - CurveP256\n  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: ["a.example"]\nrate_limit: {interval: 1m30s, burst: 20}\n',
].map((text) => Buffer.from(text));

const words = [
  ...[
    '[',
    '{',
    '}',
    ']',
    ': ',
    '- ',
    '? ',
    '&a ',
    '*a',
    '<<: *a',
    '!!binary ',
    '!x ',
    '| ',
    '>',
    '"',
    "'",
    '%YAML 1.1\n',
    '---\n',
  ],
  ...[
    '...\n',
    '\t',
    '\n',
    '\r',
    '\ufeff',
    '\0',
    '\u2028',
    '__proto__: ',
    'a: ',
    'null',
    '~',
    '1',
    '.inf',
    '0x1',
    '#',
    '@',
    '`',
  ],
  ...[
    'tls_server_config: ',
    'basic_auth_users:',
    '\n  prom: ',
    `["${hash}"]`,
    hash,
    '../server.pem',
    '/dev/zero',
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    'cert: ',
    'key: ',
    '1h',
    '-1',
    '- x\n',
    '/',
    '\\',
    ',',
  ],
];

/** A directory with a certificate and its key, and where the file goes. */
function place(t: Test): {readonly file: string; readonly at: (name: string) => string} {
  const dir = t.testdir({'server.pem': '', 'server.key': ''});
  const at = (name: string) => path.join(dir, name);
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-keyout', at('server.key'), '-out', at('server.pem')];
  spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject]);
  return {file: at('web.yml'), at};
}

/** @returns whether it can be used. */
function isUsable(file: string): boolean {
  try {
    readWebConfig(file);
    return true;
  } catch (error) {
    checkRefusal(error, file);
    return false;
  }
}

t.test('any file can be used, or is refused in a sentence', async (t) => {
  const {file} = place(t);
  let [used, refused] = [0, 0];
  await fuzz(t, 2000, (random) => {
    writeFileSync(file, damageText(random, examples, words), {mode: 0o600});
    if (isUsable(file)) used++;
    else refused++;
  });
  t.ok((used > 0 && refused > 0) || !triesMany, `${used} were used, ${refused} refused`);
});

t.test('any certificate and key can be used, or are refused in a sentence', async (t) => {
  const {file, at} = place(t);
  writeFileSync(file, 'tls_server_config: {cert_file: server.pem, key_file: server.key}', {mode: 0o600});
  const pems = ['server.pem', 'server.key'].map((name) => readFileSync(at(name)));
  await fuzz(
    t,
    300,
    (random) => {
      for (const name of ['server.pem', 'server.key'])
        writeFileSync(at(name), random.below(2) === 0 ? damage(random, pems) : random.pick(pems));
      isUsable(file);
    },
    {share: 0.1},
  );
});

t.test('a file as large as it can be is read in one go', (t) => {
  const {file} = place(t);
  for (const word of ['[', '}', '{a: ', '- - ', '? ', '""', '&a\n', '*a ', '!a ', '\n prom: ', 'a: 1\n', '---\n']) {
    writeFileSync(file, word.repeat(65_536 / word.length), {mode: 0o600});
    t.notOk(isUsable(file), JSON.stringify(word));
  }
  writeFileSync(file, '#'.repeat(65_537));
  t.throws(() => readWebConfig(file), {message: /is too large/});
  t.end();
});

t.test('what has no end is not read', (t) => {
  const {file} = place(t);
  spawnSync('mkfifo', [`${file}.fifo`]);
  for (const endless of ['/dev/zero', `${file}.fifo`, path.dirname(file)]) {
    t.throws(() => readWebConfig(endless), {message: /is no plain file/, exitStatus: 2});
    writeFileSync(file, `tls_server_config: {key_file: ${endless}, cert_file: ${endless}}`, {mode: 0o600});
    t.throws(() => readWebConfig(file), {message: /is no plain file/, exitStatus: 2});
  }
  t.end();
});
