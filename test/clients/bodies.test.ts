// Rules over bodies before a server that takes writes: kubectl, curl and Node, over HTTP/1.1 and HTTP/2, real TLS on both
// sides. What a rule refuses is told in its words and never reaches the server; everything else does, as it was.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { openSession } from '../../src/gate/http2-test-kit.ts';
import type { GateShield } from '../../src/model/plan.ts';
import { run } from '../../src/platform/run.ts';
import { type Gated, type Ground, pods, startGated, startGround } from '../identity/ground.ts';

const shield: GateShield = {
  id: 'CVE-2024-10220',
  rules: [
    {
      id: 'git-repo',
      phase: 'body',
      when: "request.verb in ['create', 'update', 'patch'] && pods.exists(p, p.values('spec.volumes[*].gitRepo').size() > 0)",
      action: 'deny',
      severity: 'major',
      message: 'A gitRepo volume runs code of the repository on the node.',
    },
  ],
};

let ground: Ground;
let gated: Gated;
before(async () => {
  ground = await startGround();
  gated = await startGated(ground, {}, {}, {}, [shield]);
  await gated.link.reached(1);
});
after(async () => {
  await gated?.stop();
  await ground?.stop();
});

const pki = (name: string) => join(ground.files.pki, name);

async function kubectl(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = join(ground.folder, 'bodies.kubeconfig');
  const text = readFileSync(ground.files.kubeconfigs.admin, 'utf8');
  writeFileSync(file, text.replace(/server: .*/, `server: https://127.0.0.1:${gated.port}`));
  const all = [`--kubeconfig=${file}`, `--cache-dir=${join(ground.folder, 'cache')}`, ...args];
  return run('kubectl', all, { signal: AbortSignal.timeout(240_000) });
}

function pod(name: string, volume: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'lab' },
    spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ...volume }] },
  };
}
const evil = { gitRepo: { repository: 'https://evil.example/' } };
const good = { emptyDir: {} };

function file(object: object): string {
  const path = join(ground.folder, 'object.yaml');
  writeFileSync(path, stringify(object));
  return path;
}

const writes = () => ground.audit().filter(({ verb }) => ['create', 'update', 'patch'].includes(verb)).length;

describe('kubectl', () => {
  for (const [how, args] of [
    ['create', ['create']],
    ['apply', ['apply']],
    ['apply --server-side', ['apply', '--server-side']],
  ] as const) {
    test(how, async () => {
      const name = `by-${how.replaceAll(/[^a-z]+/g, '-')}`;
      const before = writes();
      const refused = await kubectl(...args, '--validate=false', '-f', file(pod(name, evil)));
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /A gitRepo volume runs code of the repository on the node\. \(verdict /);
      assert.equal(writes(), before);
      const passed = await kubectl(...args, '--validate=false', '-f', file(pod(name, good)));
      assert.equal(passed.code, 0, passed.stderr);
      assert.equal(writes(), before + 1);
      const stored = await kubectl('get', 'pod', name, '-n', 'lab', '-o', 'json');
      assert.deepEqual(JSON.parse(stored.stdout).spec.volumes, [{ name: 'v', ...good }]);
    });
  }

  test('patch, of each type', async () => {
    const made = await kubectl('create', '--validate=false', '-f', file(pod('patched', good)));
    assert.equal(made.code, 0, made.stderr);
    const volumes = (volume: object) => ({ spec: { volumes: [{ name: 'v', ...volume }] } });
    const add = (volume: object) => [{ op: 'add', path: '/spec/volumes/-', value: { name: 'w', ...volume } }];
    for (const [type, make] of [
      ['merge', volumes],
      ['strategic', volumes],
      ['json', add],
    ] as const) {
      const before = writes();
      const patch = (volume: object) =>
        kubectl('patch', 'pod', 'patched', '-n', 'lab', `--type=${type}`, '-p', JSON.stringify(make(volume)));
      const refused = await patch(evil);
      assert.match(refused.stderr, /A gitRepo volume runs code/, `${type}: ${refused.stdout}`);
      assert.equal(writes(), before);
      const passed = await patch(good);
      assert.equal(passed.code, 0, `${type}: ${passed.stderr}`);
      assert.equal(writes(), before + 1);
    }
  });
});

describe('curl', () => {
  /** More than the client, the server and their windows take at once, within what the gate may hold. */
  const large = JSON.stringify({ ...pod('large', good), data: 'x'.repeat(2_500_000) });

  for (const version of ['--http1.1', '--http2']) {
    for (const [what, fields] of [
      ['by length', []],
      ['in chunks, after 100 Continue', ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect: 100-continue']],
    ] as const) {
      if (version === '--http2' && what !== 'by length') continue;
      test(`${version}: a large body ${what}`, async () => {
        const path = join(ground.folder, 'large.json');
        for (const [body, status] of [
          [large.replace('emptyDir', 'gitRepo'), 403],
          [large.replace('"large"', `"large${version}${fields.length}"`), 201],
        ] as const) {
          writeFileSync(path, body);
          const { stdout, stderr, code } = await run(
            'curl',
            [
              ...[
                '-sS',
                version,
                '--cacert',
                pki('ca.crt'),
                '--cert',
                pki('admin.crt'),
                '--key',
                pki('admin.key'),
              ],
              ...['-H', 'Content-Type: application/json', ...fields, '--data-binary', `@${path}`],
              ...['-o', join(ground.folder, 'answer'), '-w', '%{http_code} %{http_version}'],
              `https://127.0.0.1:${gated.port}${pods}`,
            ],
            { signal: AbortSignal.timeout(240_000) },
          );
          assert.equal(code, 0, stderr);
          assert.equal(stdout, `${status} ${version === '--http2' ? '2' : '1.1'}`);
          if (status !== 201) continue;
          const answer = JSON.parse(readFileSync(join(ground.folder, 'answer'), 'utf8'));
          assert.equal(answer.data, JSON.parse(large).data);
        }
      });
    }
  }
});

test('over one HTTP/2 connection a slow upload holds nobody up, refused ones least of all', async () => {
  const admin = {
    certificate: readFileSync(pki('admin.crt'), 'utf8'),
    key: readFileSync(pki('admin.key'), 'utf8'),
  };
  const session = await openSession(gated.keys, gated.port, admin);
  const ask = (method: string, path: string) => {
    const stream = session.request(
      { ':method': method, ':path': path, 'content-type': 'application/json' },
      { endStream: method === 'GET' },
    );
    const answer = new Promise<number>((resolve, reject) => {
      stream.on('response', (fields) => {
        stream.resume();
        resolve(Number(fields[':status']));
      });
      stream.on('error', reject);
    });
    return { stream, answer };
  };
  const slow = ask('POST', pods);
  const text = JSON.stringify(pod('slow', good));
  slow.stream.write(text.slice(0, 20));
  for (let round = 0; round < 5; round++) {
    const bad = ask('POST', pods);
    bad.stream.end(JSON.stringify(pod(`bad-${round}`, evil)));
    const fine = ask('POST', pods);
    fine.stream.end(JSON.stringify(pod(`fine-${round}`, good)));
    assert.deepEqual(
      await Promise.all([bad.answer, fine.answer, ask('GET', `${pods}/web`).answer]),
      [403, 201, 200],
    );
  }
  slow.stream.end(text.slice(20));
  assert.equal(await slow.answer, 201);
  session.destroy();
});
