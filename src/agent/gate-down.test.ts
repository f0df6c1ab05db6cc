// When a gate counts as dead, and what a plan then comes to.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { createServer as createSecureServer } from 'node:tls';
import type { ProtectedService } from '../model/plan.ts';
import { exampleService, planOf } from '../nft/example-plan.ts';
import { createAuthority, issue } from '../platform/pki.ts';
import { askGate, passing, watchGates } from './gate-down.ts';

const open: ProtectedService = { ...exampleService, gateDown: 'open' };
const port = 16_443;

test('only what is steered to a gate that is down passes, and only where that is written down', () => {
  const verdicts = (service: ProtectedService, down: number[]) => {
    const [one] = passing(planOf([service], 1), new Set(down)).services;
    return [...(one?.rules ?? []).map(({ verdict }) => verdict), one?.default];
  };
  const [, lab] = open.rules;
  assert.ok(lab);
  const mixed = {
    ...open,
    rules: [...open.rules, { ...lab, id: 'policy/steered', verdict: 'steer' as const }],
  };
  assert.deepEqual(verdicts(mixed, []), ['pass', 'deny', 'drop', 'steer', 'steer']);
  assert.deepEqual(verdicts(mixed, [port]), ['pass', 'deny', 'drop', 'pass', 'pass']);
  assert.deepEqual(verdicts(mixed, [17_443]), ['pass', 'deny', 'drop', 'steer', 'steer']);
  assert.deepEqual(
    verdicts({ ...mixed, gateAddresses: ['10.0.0.2'] }, [port]).at(-1),
    'steer',
    'of another host',
  );
  assert.deepEqual(verdicts(exampleService, [port]).at(-1), 'steer', 'closed');
  const plan = planOf([exampleService], 1);
  assert.equal(passing(plan, new Set([port])), plan);
});

test('three looks in a row without an answer, and it is down; one answer, and it is back', async () => {
  const stop = new AbortController();
  const answers = [true, false, false, true, false, false, false, false, true, false];
  const asked: number[] = [];
  const changes: number[][] = [];
  await watchGates(
    {
      plan: () => planOf([open, { ...exampleService, gatePort: 1 }], 1),
      async ask(gate) {
        asked.push(gate);
        return answers[asked.length - 1] ?? false;
      },
      async changed(down) {
        changes.push([asked.length, ...down]);
      },
      async pause() {
        if (asked.length === answers.length) stop.abort();
      },
    },
    stop.signal,
  );
  assert.deepEqual(
    asked,
    answers.map(() => port),
    'nobody else is asked',
  );
  assert.deepEqual(changes, [[7, port], [9]]);
});

test('a plan that opens nothing asks nobody, and ends what was open', async () => {
  const stop = new AbortController();
  let looks = 0;
  let asked = 0;
  const changes: number[][] = [];
  await watchGates(
    {
      plan: () => planOf([looks < 5 ? open : { ...open, default: 'deny' }], 1),
      async ask() {
        asked += 1;
        return false;
      },
      async changed(down) {
        changes.push([...down]);
      },
      async pause() {
        looks += 1;
        if (looks === 8) stop.abort();
      },
    },
    stop.signal,
  );
  assert.deepEqual([asked, changes], [5, [[port], []]]);
});

test('who answers: a gate, and one that closes at once; not a port without a listener', async () => {
  const authority = await createAuthority('a', 1);
  const pair = await issue(authority, {
    subject: { commonName: 'b' },
    use: ['server'],
    names: ['b'],
    days: 1,
  });
  const listen = (server: Server) =>
    new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
  const gate = createSecureServer({ cert: pair.certificate, key: pair.key }, (socket) =>
    socket.on('error', () => {}),
  );
  const busy = createServer((socket) => socket.resetAndDestroy());
  const ports = [await listen(gate), await listen(busy)];
  // As long as it takes: a busy machine is no dead gate.
  const ask = (port: number) => askGate(port, 60_000);
  const answers = await Promise.all(ports.map(ask));
  gate.close();
  busy.close();
  assert.deepEqual(answers, [true, true]);
  assert.deepEqual(await Promise.all(ports.map(ask)), [false, false]);
});

test('a port that is bound and served by nobody is no answer', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  const answered = await askGate(port);
  server.close();
  assert.equal(answered, false);
});
