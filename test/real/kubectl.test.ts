// An ordinary day with each kubectl of this machine, against the real server through the gate.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { Lab } from '../../range/demo/lab.ts';
import { incidentsSince } from '../../range/demo/observe.ts';
import type { Kubeconfig } from '../../range/pki.ts';
import { findKubectls, type Kubectl } from './kubectls.ts';
import { shieldWorld, startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
before(async () => {
  world = await startWorld('pcrkube');
  lab = await shieldWorld(world);
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

const kubectls = await findKubectls();

type Hand = {
  /** Must succeed; what it printed. */
  run(args: readonly string[], input?: string, codes?: readonly number[]): Promise<string>;
  start(args: readonly string[]): ChildProcess;
};

function handOf({ program }: Kubectl, kubeconfig: Kubeconfig): Hand {
  return {
    async run(args, input, codes = [0]) {
      const ran = await world.kubectl('developer', kubeconfig, args, {
        program,
        ...(input === undefined ? {} : { input }),
      });
      assert.ok(codes.includes(ran.code), `kubectl ${args.join(' ')}: ${ran.stderr}`);
      return ran.stdout;
    },
    start: (args) =>
      world.range.topology.spawnIn(
        'developer',
        [program, '--kubeconfig', world.range.files.kubeconfigs[kubeconfig], ...args],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      ),
  };
}

/** The first `count` lines of a program that goes on; then it is killed. */
async function firstLines(child: ChildProcess, count: number, seconds = 20): Promise<string[]> {
  const lines: string[] = [];
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (lines.length === count) child.kill('SIGKILL');
    });
  }
  await once(child, 'close');
  clearTimeout(timer);
  assert.ok(lines.length >= count, `${lines.length} of ${count} lines: ${lines.join('\n')}${said}`);
  return lines;
}

const configMap = (name: string, data: Readonly<Record<string, string>>) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

async function reads({ run }: Hand): Promise<void> {
  assert.match(await run(['get', 'pods']), /web +1\/1 +Running/);
  assert.match(await run(['get', 'pod', 'web', '-o', 'jsonpath={.spec.nodeName}']), /^node$/);
  assert.match(await run(['describe', 'pod', 'web']), /Node: +node/);
  assert.match(await run(['api-resources', '--api-group=apps']), /deployments/);
  assert.match(await run(['explain', 'pod.spec.nodeName']), /nodeName/);
  assert.equal(await run(['get', '--raw', '/readyz']), 'ok');
  assert.match(await run(['get', '--raw', '/api/v1/namespaces/lab/pods?limit=1']), /"continue":"/);
  assert.match(await run(['auth', 'can-i', 'list', 'pods']), /yes/);
}

async function writes({ run }: Hand, tag: string): Promise<void> {
  const name = `map-${tag}`;
  const data = async () => JSON.parse(await run(['get', 'configmap', name, '-o', 'json'])).data as unknown;
  await run(['create', '-f', '-'], configMap(name, { a: '1' }));
  const patch = (type: string, text: string) =>
    run(['patch', 'configmap', name, `--type=${type}`, '-p', text]);
  await patch('strategic', '{"data":{"b":"2"}}');
  await patch('merge', '{"data":{"a":null,"c":"3"}}');
  await patch('json', '[{"op":"add","path":"/data/d","value":"4"}]');
  assert.deepEqual(await data(), { b: '2', c: '3', d: '4' });
  await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], configMap(name, { b: 'two' }));
  await run(['apply', '-f', '-'], configMap(`${name}-2`, { x: 'y'.repeat(200_000) }));
  await run(['apply', '-f', '-'], configMap(`${name}-2`, { x: 'z' }));
  await run(['label', 'configmap', name, 'kind=test']);
  await run(['replace', '-f', '-'], configMap(name, { only: 'this' }));
  assert.deepEqual(await data(), { only: 'this' });
  // Code 1 is a difference: before v1.21 it shows who manages which field.
  await run(['diff', '-f', '-'], configMap(name, { only: 'this' }), [0, 1]);
  await run(['delete', 'configmap', name, `${name}-2`]);
}

async function streams({ run, start }: Hand): Promise<void> {
  assert.equal(await run(['exec', 'web', '--', 'echo', 'hello']), 'hello\n');
  const bulk = 'b'.repeat(3_000_000);
  assert.equal(await run(['exec', '-i', 'web', '--', 'cat'], bulk), bulk);
  assert.equal((await run(['exec', 'web', '--', 'head', '-c', '5000000'])).length, 5_000_000);
  assert.match(await run(['logs', 'web', '--tail=2']), /request 9\n.*request 10\n$/);
  assert.match((await firstLines(start(['logs', '-f', '--tail=1', 'web']), 6))[5] ?? '', /request 15$/);
  assert.match((await firstLines(start(['attach', 'web']), 4)).join('\n'), /served request/);
}

async function forwards({ start }: Hand): Promise<void> {
  const child = start(['port-forward', 'pod/web', ':8080']);
  try {
    if (!child.stdout) throw new TypeError('no output');
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'close'),
    ])) as [unknown];
    const port = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    assert.ok(port, `port-forward said: ${line}`);
    const script = `for (let i = 0; i < 5; i++) console.log((await (await fetch('http://127.0.0.1:${port}/')).text()).trim())`;
    const ran = await world.range.topology.runIn('developer', [
      ...[process.execPath, '--input-type=module', '-e', script],
    ]);
    assert.equal(ran.stdout, 'hello from web\n'.repeat(5), ran.stderr);
  } finally {
    child.kill('SIGKILL');
  }
}

async function watches({ run, start }: Hand, tag: string): Promise<void> {
  const child = start(['get', 'configmaps', '-w', '--no-headers', '-l', `watch=${tag}`]);
  const seen = firstLines(child, 6);
  await Promise.all([
    seen,
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (let number = 0; number < 6; number++) {
        const map = JSON.parse(configMap(`w-${tag}-${number}`, { number: `${number}` }));
        map.metadata.labels = { watch: tag };
        await run(['create', '-f', '-'], JSON.stringify(map));
      }
    })(),
  ]);
  await run(['delete', 'configmaps', '-l', `watch=${tag}`]);
}

for (const kubectl of kubectls) {
  describe(`kubectl ${kubectl.version}`, () => {
    const tag = kubectl.version.replace(/[^a-z0-9]+/g, '-');
    test('reads', () => reads(handOf(kubectl, 'developer')));
    test('writes', () => writes(handOf(kubectl, 'developer'), tag));
    test('exec, attach and logs', () => streams(handOf(kubectl, 'developer')));
    test('exec with a bearer token', async () => {
      const { run } = handOf(kubectl, 'developer-token');
      assert.equal(await run(['exec', 'web', '--', 'echo', 'hello']), 'hello\n');
    });
    test('port-forward', () => forwards(handOf(kubectl, 'developer')));
    test('a watch goes on', () => watches(handOf(kubectl, 'developer'), tag));
  });
}

test('kubectl proxy', async () => {
  const [kubectl] = kubectls;
  assert.ok(kubectl);
  const child = handOf(kubectl, 'developer').start(['proxy', '--port=0']);
  try {
    if (!child.stdout) throw new TypeError('no output');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const port = /:(\d+)$/.exec(line)?.[1];
    const script = `
      const at = 'http://127.0.0.1:${port}/api/v1/namespaces/lab/';
      const list = await (await fetch(at + 'pods')).json();
      const log = await (await fetch(at + 'pods/web/log?tailLines=1')).text();
      const made = await fetch(at + 'configmaps', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ metadata: { name: 'by-proxy' } }) });
      const gone = await fetch(at + 'configmaps/by-proxy', { method: 'DELETE' });
      console.log(list.items.length, log.trim(), made.status, gone.status);`;
    const ran = await world.range.topology.runIn('developer', [
      ...[process.execPath, '--input-type=module', '-e', script],
    ]);
    assert.equal(ran.stdout.trim(), '2 web/web served request 10 201 200', ran.stderr);
  } finally {
    child.kill('SIGKILL');
  }
});

test('50 kubectl at the same time', async (t) => {
  const began = performance.now();
  const runs = Array.from({ length: 50 }, (_, index) => {
    const one = kubectls[index % kubectls.length];
    assert.ok(one);
    const { run } = handOf(one, index % 2 === 0 ? 'developer' : 'developer-token');
    return index % 5 === 0 ? run(['exec', 'web', '--', 'echo', `${index}`]) : run(['get', 'pods']);
  });
  const printed = await Promise.all(runs);
  t.diagnostic(`${Math.round(performance.now() - began)} ms`);
  for (const [index, text] of printed.entries()) {
    if (index % 5 === 0) assert.equal(text, `${index}\n`);
    else assert.match(text, /web +1\/1/);
  }
});

test('none of it was an incident', () => {
  assert.deepEqual(
    incidentsSince(lab, 0).map(({ rule }) => rule),
    [],
  );
});
