// kubectl through the gate: writes of every kind, files, terminals, and 100 MB each way through a forwarded port.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { firstLines } from './lines.ts';
import { noise, sha256 } from './noise.ts';
import { maps } from './rows.ts';
import type { Clients } from './world.ts';

export type Step = { readonly what: string; run(clients: Clients): Promise<void> };

function kubectl({ kubeconfig, dir }: Clients, ...args: readonly string[]): [string, ...string[]] {
  return [
    'kubectl',
    `--kubeconfig=${kubeconfig('developer')}`,
    `--cache-dir=${join(dir, 'kubectl-cache')}`,
    ...args,
  ];
}
const configMap = (data: object) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kubectl', namespace: 'lab' },
    data,
  });
const echoPort = 7007;

export const steps: readonly Step[] = [
  {
    what: 'apply, apply on the server, and each type of patch',
    async run(clients) {
      const must = (args: readonly string[], input?: string) =>
        clients.must(kubectl(clients, ...args), input);
      const data = async () => JSON.parse(await must(['get', 'configmap', 'kubectl', '-o', 'json'])).data;
      await must(['apply', '--validate=false', '-f', '-'], configMap({ a: '1' }));
      await must(['apply', '--validate=false', '-f', '-'], configMap({ a: '2' }));
      await must(['apply', '--server-side', '--validate=false', '-f', '-'], configMap({ b: '2' }));
      await must(['patch', 'configmap', 'kubectl', '-p', '{"data":{"c":"3"}}']);
      await must(['patch', 'configmap', 'kubectl', '--type=merge', '-p', '{"data":{"a":null}}']);
      const added = '[{"op":"add","path":"/data/d","value":"4"}]';
      await must(['patch', 'configmap', 'kubectl', '--type=json', '-p', added]);
      assert.deepEqual(await data(), { b: '2', c: '3', d: '4' });
      await must(['delete', 'configmap', 'kubectl']);
    },
  },
  {
    what: 'a list of 50 MB by --raw',
    async run(clients) {
      const list = kubectl(clients, 'get', '--raw', `${maps}?labelSelector=bulk%3Dyes`);
      const file = join(clients.dir, 'list.json');
      await clients.must(['sh', '-c', 'out=$1; shift; "$@" > "$out"', 'sh', file, ...list]);
      const { items } = JSON.parse(readFileSync(file, 'utf8')) as {
        items: { metadata: { name: string }; data: { noise: string } }[];
      };
      assert.equal(items.length, 50);
      for (const [number, { data }] of items.entries()) {
        assert.equal(data.noise, noise(750_000, number).toString('base64'));
      }
    },
  },
  {
    what: 'a watch goes on',
    async run(clients) {
      const child = clients.start(kubectl(clients, 'get', 'pods', '-w', '--no-headers'));
      assert.match((await firstLines(child, 10)).join('\n'), /^(web|worker) .*\n(.*\n)*(web|worker) /);
    },
  },
  {
    what: 'logs -f',
    async run(clients) {
      const child = clients.start(kubectl(clients, 'logs', '-f', '--tail=1', 'web'));
      assert.deepEqual(
        (await firstLines(child, 5)).map((line) => /\d+$/.exec(line)?.[0]),
        ['10', '11', '12', '13', '14'],
      );
    },
  },
  {
    what: 'attach',
    async run(clients) {
      const child = clients.start(kubectl(clients, 'attach', 'web'));
      assert.match((await firstLines(child, 3)).join('\n'), /served request/);
    },
  },
  {
    what: 'exec with standard input, its end and its exit code',
    async run(clients) {
      const text = noise(3_000_000, 11).toString('base64');
      assert.equal(await clients.must(kubectl(clients, 'exec', '-i', 'web', '--', 'cat'), text), text);
      const ran = await clients.run(kubectl(clients, 'exec', 'web', '--', 'sh', '-c', 'echo no >&2; exit 7'));
      assert.equal(ran.code, 7);
      assert.match(ran.stderr, /^no$/m);
    },
  },
  {
    what: 'exec in a terminal knows its size',
    async run(clients) {
      const words = kubectl(clients, 'exec', '-it', 'web', '--', 'stty', 'size').join(' ');
      const printed = await clients.must([
        ...['script', '-qec', `stty rows 41 cols 101; ${words}`, '/dev/null'],
      ]);
      // On the terminal also stands what kubectl says of itself: "websocket: close sent" when the end of its standard input
      // and the server's close cross.
      assert.match(printed, /^41 101\r?$/m);
    },
  },
  {
    what: 'exec in a terminal hears of its new size',
    async run(clients) {
      const seen = join(clients.dir, 'terminal');
      const remote = 'stty size; until stty size | grep -q "^50 120"; do sleep 0.05; done; echo heard';
      const words = kubectl(clients, 'exec', '-it', 'web', '--', 'sh', '-c', `'${remote}'`).join(' ');
      // The terminal is resized when the command has said how it found it.
      const script = join(clients.dir, 'resize.sh');
      writeFileSync(
        script,
        `stty rows 41 cols 101
(until grep -q '41 101' ${seen}; do sleep 0.05; done; stty rows 50 cols 120 </dev/tty) &
exec ${words}
`,
      );
      const printed = await clients.must(['script', '-qefc', `sh ${script}`, seen]);
      assert.match(printed, /41 101\r?\n(?:.*\n)*heard/);
    },
  },
  {
    what: 'cp to a pod and back',
    async run(clients) {
      const sent = join(clients.dir, 'sent');
      const got = join(clients.dir, 'got');
      writeFileSync(sent, noise(5_000_000, 13));
      await clients.must(kubectl(clients, 'cp', sent, 'web:/tmp/copied'));
      await clients.must(kubectl(clients, 'cp', 'web:/tmp/copied', got));
      assert.equal(sha256(readFileSync(got)), sha256(readFileSync(sent)));
    },
  },
  {
    what: 'port-forward carries 100 MB each way',
    async run(clients) {
      const child = clients.start(kubectl(clients, 'port-forward', 'web', `:${echoPort}`));
      try {
        if (!child.stdout) throw new TypeError('no output');
        const [line] = (await Promise.race([
          once(createInterface({ input: child.stdout }), 'line'),
          once(child, 'close'),
        ])) as [unknown];
        const port = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
        assert.ok(port, `port-forward said: ${line}`);
        const program = fileURLToPath(import.meta.resolve('./echo.ts'));
        const printed = await clients.must([process.execPath, program, port, '100000000']);
        assert.deepEqual(JSON.parse(printed), { received: 100_000_000, same: true });
      } finally {
        child.kill('SIGKILL');
      }
    },
  },
];
