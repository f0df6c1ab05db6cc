// A server that sends GOAWAY with every HTTP/2 request (--goaway-chance=1; a real one goes to 0.02), and what real clients
// make of it behind the gate: answers in hand come whole, and the next request goes over a new connection.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, openSession } from '../../src/gate/http2-test-kit.ts';
import { run } from '../../src/platform/run.ts';
import { type Gated, type Ground, pods, startGated, startGround } from '../identity/ground.ts';
import { firstLines } from './lines.ts';

let ground: Ground;
let gated: Gated;
before(async () => {
  ground = await startGround({ goawayChance: 1, watchIntervalMs: 50 });
  gated = await startGated(ground, {});
  await gated.link.reached(1);
});
after(async () => {
  await gated?.stop();
  await ground?.stop();
});

const pki = (name: string) => join(ground.files.pki, name);
const url = (path: string) => `https://127.0.0.1:${gated.port}${path}`;
const certificate = () => ['--cert', pki('developer.crt'), '--key', pki('developer.key')];

async function must([program, ...args]: readonly [string, ...string[]]): Promise<string> {
  const ran = await run(program, args, { signal: AbortSignal.timeout(240_000) });
  assert.equal(ran.code, 0, `${program} ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

function kubectl(...args: readonly string[]): [string, ...string[]] {
  const file = join(ground.folder, 'goaway.kubeconfig');
  const text = readFileSync(ground.files.kubeconfigs.developer, 'utf8');
  writeFileSync(file, text.replace(/server: .*/, `server: ${url('')}`));
  return ['kubectl', `--kubeconfig=${file}`, `--cache-dir=${join(ground.folder, 'cache')}`, ...args];
}

describe('a server that sends GOAWAY with every request', () => {
  test('nghttp has its answer whole, and is told to go', async () => {
    const printed = await must(['nghttp', '-v', ...certificate(), url(pods)]);
    assert.match(printed, /recv \(stream_id=13\) :status: 200/);
    assert.match(printed, /"kind":"PodList".*\}/s);
    assert.match(printed, /recv GOAWAY frame .*\n.*last_stream_id=13, error_code=NO_ERROR\(0x00\)/);
  });

  test('curl asks one thing after the other, each over a new connection', async () => {
    const printed = await must([
      ...(['curl', '-sSv', '--fail', '--http2', '--cacert', pki('ca.crt'), ...certificate()] as const),
      ...['-w', '%{http_version} %{http_code} %{num_connects}\n'],
      ...Array.from({ length: 5 }, () => ['-o', '/dev/null', url(pods)]).flat(),
    ]);
    assert.equal(printed, '2 200 1\n'.repeat(5));
  });

  // curl 7.88 itself fails at this now and then (16), with the server as with the gate.
  test('node:http2 asks for many things at once, and again for what the server did not take', async () => {
    let answers = 0;
    let connections = 0;
    for (let wanted = 60; answers < wanted; ) {
      const client = await openSession(gated.keys, gated.port, gated.keys.user);
      connections += 1;
      const asked = Array.from({ length: Math.min(20, wanted - answers) }, () =>
        client.closed ? undefined : ask(client, { ':path': `${pods}/web` }),
      );
      for (const { status, body, code } of await Promise.all(asked.filter((one) => one !== undefined))) {
        // REFUSED_STREAM: to be asked again.
        if (code === 7) {
          assert.equal(status, 0);
          continue;
        }
        assert.deepEqual([status, code], [200, 0]);
        assert.equal(JSON.parse(body).kind, 'Pod');
        answers += 1;
      }
      client.destroy();
    }
    assert.ok(connections >= 3);
  });

  test('kubectl discovers, reads and watches', async () => {
    assert.match(await must(kubectl('get', 'pods', '--no-headers')), /^web /m);
    const [program, ...args] = kubectl('get', 'pods', '-w', '--no-headers');
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    assert.match((await firstLines(child, 10)).join('\n'), /^(web|worker) /);
  });

  test('no request was lost, and none of it is a failure', () => {
    assert.deepEqual(
      gated.gate.lines.filter((line) => /upstream-failed|engine-exception|"level":"error"/.test(line)),
      [],
    );
    assert.deepEqual(gated.link.incidents, []);
  });
});
