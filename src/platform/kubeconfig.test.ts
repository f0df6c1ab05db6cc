import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKubeconfig, serverAddresses } from './kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'portcullis-kubeconfig-'));
after(() => rmSync(folder, { recursive: true }));

const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const key = '-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');
writeFileSync(join(folder, 'ca.crt'), certificate);
writeFileSync(join(folder, 'dev.key'), key);
writeFileSync(join(folder, 'token'), 'from-file\n');

function write(cluster: string, user: string, more = ''): string {
  const path = join(folder, 'config');
  writeFileSync(
    path,
    `apiVersion: v1
kind: Config
current-context: lab
preferences: {colors: true}
${more}
contexts: [{name: lab, context: {cluster: c1, user: dev, namespace: x}}, {name: other, context: {cluster: none}}]
clusters: [{name: c1, cluster: {${cluster}}}]
users: [{name: dev, user: {${user}}}]
`,
  );
  return path;
}
const server = 'server: "https://10.0.0.1:6443", certificate-authority: ca.crt';

test('a kubeconfig with files beside it', async () => {
  const path = write(server, `client-certificate-data: ${base64(certificate)}, client-key: dev.key`);
  const config = readKubeconfig(path);
  assert.deepEqual(config.server, {
    url: 'https://10.0.0.1:6443',
    host: '10.0.0.1',
    address: '10.0.0.1',
    port: 6443,
    serverName: '10.0.0.1',
  });
  assert.equal(config.ca, certificate);
  assert.deepEqual(config.credentials, { certificate, key });
  assert.deepEqual(await serverAddresses(config, path), ['10.0.0.1']);
});

test('a name, a default port, IPv6, a TLS name and tokens', async () => {
  const named = readKubeconfig(
    write('server: "https://localhost", tls-server-name: kubernetes', 'token: abc'),
  );
  assert.deepEqual(
    [named.server.address, named.server.port, named.server.serverName],
    [undefined, 443, 'kubernetes'],
  );
  assert.equal(named.ca, undefined);
  assert.deepEqual(named.credentials, { token: 'abc' });
  assert.ok((await serverAddresses(named, 'config')).length > 0);
  const six = readKubeconfig(write('server: "https://[fd00::1]:6443"', 'tokenFile: token'));
  assert.deepEqual([six.server.address, six.server.serverName], ['fd00::1', 'fd00::1']);
  assert.deepEqual(six.credentials, { token: 'from-file' });
});

const refused: readonly [string, () => string, RegExp, RegExp, string?][] = [
  [
    'plain http',
    () => write('server: "http://10.0.0.1"', ''),
    /must be reached by https/,
    /clusters\[c1\].cluster.server/,
  ],
  ['not a URL', () => write('server: "10.0.0.1:6443"', ''), /https|not a URL/, /cluster.server/],
  ['a path', () => write('server: "https://rancher/k8s/c1"', ''), /behind the path/, /cluster.server/],
  [
    'no verification',
    () => write(`${server}, insecure-skip-tls-verify: true`, ''),
    /must be verified/,
    /insecure/,
  ],
  ['a proxy', () => write(`${server}, proxy-url: "http://p"`, ''), /proxy/, /proxy-url/],
  [
    'an exec plugin',
    () => write(server, 'exec: {command: aws}'),
    /plugins are not run/,
    /users\[dev\].user.exec/,
  ],
  ['a password', () => write(server, 'username: a, password: b'), /passwords/, /user.username/],
  [
    'a key without certificate',
    () => write(server, 'client-key: dev.key'),
    /go together/,
    /users\[dev\].user/,
  ],
  ['a missing file', () => write(server, 'tokenFile: nowhere'), /no such file/, /users\[dev\]/],
  [
    'a CA that is none',
    () => write('server: "https://h", certificate-authority: token', ''),
    /no certificate/,
    /certificate-authority/,
  ],
  [
    'data that is not PEM',
    () => write('server: "https://h", certificate-authority-data: "!!"', ''),
    /not a certificate/,
    /-data/,
  ],
  ['an unknown context', () => write(server, ''), /no context 'x'/, /contexts\[x\]/, 'x'],
  ['a context without its cluster', () => write(server, ''), /names a cluster/, /clusters\[none\]/, 'other'],
  ['broken YAML', () => write(`${server}, [`, ''), /not valid YAML/, /config:\d+:\d+/],
  ['a wrong type', () => write('server: 3', ''), /server/, /config:\d+:\d+/],
];
for (const [name, make, message, place, context] of refused) {
  test(`refused, with the place: ${name}`, () => {
    assert.throws(
      () => readKubeconfig(make(), context),
      (error: { code: string; message: string; place: string }) => {
        assert.match(error.code, /^bad-(kubeconfig|yaml)$/);
        assert.match(error.message, message);
        assert.match(error.place, place);
        return true;
      },
    );
  });
}

test('a kubeconfig that is not there names the file', () => {
  assert.throws(() => readKubeconfig(join(folder, 'gone')), {
    code: 'unreadable',
    place: join(folder, 'gone'),
  });
});

test('no secret shows in a refusal', () => {
  const path = write(server, `client-key-data: ${base64('hunter2-hunter2')}, client-certificate: ca.crt`);
  assert.throws(
    () => readKubeconfig(path),
    (error: Error) => !JSON.stringify([error.message, error]).includes('hunter2'),
  );
});
