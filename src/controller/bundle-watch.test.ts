// A controller that looks for bundles at a URL, on a TLS server of the test's own; and bundles that can't be read again.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { sha256 } from '../log/chain.ts';
import { createAuthority, issue } from '../platform/pki.ts';
import { bundleFile, bundleText } from '../shields/bundle.ts';
import { createSecretKey, publicKeyFile, signText } from '../shields/minisign.ts';
import { createBundleReader } from './bundle-reader.ts';
import { applyBundle, type BundleData, type BundleState, highestVersion, noBundles } from './bundle-state.ts';
import { createBundleWatch } from './bundle-watch.ts';
import { cve, type Ground, ground, type Started, shieldFile } from './testing/ground.ts';

const key = createSecretKey(Buffer.alloc(40, 1)).secret;
const own = readFileSync(shieldFile, 'utf8');
function made(version: number) {
  const text = bundleText({
    apiVersion: 'portcullis/v1',
    kind: 'ShieldBundle',
    name: 'core',
    version,
    createdAt: '2026-11-27T12:00:00Z',
    shields: [bundleFile('own.yaml', own.replace(/message: /, `message: v${version} `))],
  });
  return { text, signature: signText(Buffer.from(text), key, 'bundle') };
}

describe('a URL', () => {
  const usual = getCACertificates('default');
  let place: Ground;
  let controller: Started;
  let url: string;
  /** What the server answers, by path. */
  const files = new Map<string, string>();
  const server = createServer((request, response) => {
    const text = files.get(request.url ?? '');
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  const source = async () => (await controller.admin.status()).bundleSource;
  const told = (matches: (error: unknown) => boolean) =>
    controller.entry(
      ({ kind, data }) => kind === 'bundle' && data['what'] === 'fetch' && matches(data['error']),
    );
  async function restart() {
    await controller?.stop();
    controller = await place.start({ bundleSource: { url, everySeconds: 3600 } });
  }

  before(async () => {
    const authority = await createAuthority('shop', 1);
    const identity = await issue(authority, {
      subject: { commonName: 'localhost' },
      use: ['server'],
      names: ['localhost'],
      days: 1,
    });
    server.setSecureContext({ key: identity.key, cert: identity.certificate });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    setDefaultCACertificates([...usual, authority.certificate]);
    url = `https://localhost:${(server.address() as AddressInfo).port}/core?token=secret`;
    place = await ground();
  });
  after(async () => {
    await place[Symbol.asyncDispose]();
    setDefaultCACertificates(usual);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('where nothing is, that is told, without the query, and the shields that came along stand', async () => {
    await restart();
    await told((error) => /404/.test(String(error)));
    assert.match((await source())?.error ?? '', /404/);
    const entries = await controller.admin.events({ after: 0, limit: 5000 });
    for (const text of [JSON.stringify(entries), JSON.stringify(await source()), place.notes.join()])
      assert.ok(!text.includes('secret'), text);
  });

  test('what is there is used when its key is trusted', async () => {
    files.set('/core?token=secret', made(1).text).set('/core.minisig?token=secret', made(1).signature);
    await restart();
    await told((error) => /not trusted/.test(String(error)));
    await controller.admin.bundles.trust({ place: 'k', key: publicKeyFile(key.publicKey) });
    await restart();
    await told((error) => error === undefined);
    const { bundles } = await controller.admin.bundles.list();
    assert.deepEqual(
      bundles.map(({ version, state, by }) => [version, state, by]),
      [[1, 'in-force', 'controller']],
    );
    assert.equal((await source())?.error, undefined);
  });

  test('an older one there is told, and the newer one stays', async () => {
    await controller.admin.bundles.use({ place: 'by hand', ...made(2), shadow: false, dryRun: false });
    await restart();
    await told((error) => /not newer than 2/.test(String(error)));
    const [status] = (await controller.admin.status()).bundles;
    assert.deepEqual([status?.version, status?.state], [2, 'in-force']);
  });

  for (const [name, wrong] of [
    ['a URL with a password', 'https://me:secret@localhost:1/core'],
    ['a port that nobody listens at', 'https://localhost:1/core?token=secret'],
    ['a signature of megabytes', ''],
  ] as const) {
    test(`${name} is told, and its secret is not`, async () => {
      files.set('/core.minisig?token=secret', 'x'.repeat(20_000));
      await controller.stop();
      controller = await place.start({ bundleSource: { url: wrong || url, everySeconds: 3600 } });
      await told((error) => /fetched/.test(String(error)) && !/404|secret/.test(String(error)));
      assert.ok(!place.notes.join().includes('secret'));
    });
  }
});

describe('what this program can not read', () => {
  const used = (version: number, text: string): BundleData => ({
    what: 'used',
    version,
    key: key.id,
    document: sha256(text),
    signature: sha256('s'),
    createdAt: '2026-11-27T12:00:00Z',
    place: 'p',
    shields: [cve],
    revokes: { keys: [], versions: [], shields: [] },
    changes: [],
  });
  const stateOf = (...all: BundleData[]): BundleState =>
    all.reduce(
      (state, data, at) => applyBundle(state, data, { subject: 'core', actor: 'user:a', at }),
      noBundles,
    );

  for (const [name, later] of [
    ['a shield with a field that it does not know', made(2).text.replace('title: ', 'colour: red\\ntitle: ')],
    ['a text that is none', 'x'],
    ['a document that is gone', undefined],
  ] as const) {
    test(`${name}: the bundle before it stands, and the mark does not sink`, () => {
      const documents = [made(1).text, ...(later === undefined ? [] : [later])];
      const read = createBundleReader((hash) => documents.find((text) => sha256(text) === hash));
      const state = stateOf(used(1, made(1).text), used(2, later ?? 'gone'));
      const { standing, shields } = read(state, []);
      assert.deepEqual(
        standing.inForce.map(({ version }) => version),
        [1],
      );
      assert.match(shields[0]?.deeperDefense.rules[0]?.message ?? '', /^v1 /);
      assert.match(standing.voided.get(sha256(later ?? 'gone')) ?? '', /this program can't use it/);
      assert.equal(highestVersion(state, 'core'), 2);
    });
  }
});

test('without a URL nothing is looked for', () => {
  const watch = createBundleWatch(undefined as never, undefined as never, undefined, assert.fail);
  assert.deepEqual(watch.status(), {});
  watch.close();
});
