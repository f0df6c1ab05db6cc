// Open connections as the controller is told of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenReport } from '../model/api.ts';
import { exampleService, planOf } from '../nft/example-plan.ts';
import { openSessions, tellOpenSessions } from './open-sessions.ts';
import { resolvePlan } from './protected.ts';

const resolved = resolvePlan(planOf([exampleService], 1), ['10.0.0.1', '172.17.0.1']);
const socket = (peer: string, localPort = 6443, local = '10.0.0.1') => ({
  local,
  localPort,
  peer,
  peerPort: 40_000,
});
const { server } = exampleService;

test('connections are told by source and server, the busiest first, without the host itself', () => {
  const sockets = [
    socket('10.9.1.1'),
    socket('10.9.1.2'),
    socket('10.9.1.2', exampleService.gatePort),
    socket('2001:db8::5', 6443, '2001:db8::1'),
    socket('10.0.0.1'),
    socket('127.0.0.1', 6443, '127.0.0.1'),
    socket('10.9.1.3', 22),
  ];
  assert.deepEqual(
    openSessions(resolvePlan(planOf([exampleService], 1), ['10.0.0.1', '2001:db8::1']), sockets),
    [
      { server, address: '10.9.1.2', sessions: 2 },
      { server, address: '10.9.1.1', sessions: 1 },
      { server, address: '2001:db8::5', sessions: 1 },
    ],
  );
});

test('what the host forwards is told apart from what ends at it', () => {
  const [remote] = exampleService.endpoints.filter(({ address }) => address !== '10.0.0.1');
  assert.ok(remote);
  const flow = (source: string) => ({ source, destination: remote.address, port: remote.port });
  const flows = [flow('10.9.1.1'), flow('10.9.1.1'), { ...flow('10.9.1.2'), port: 1 }];
  assert.deepEqual(openSessions(resolved, [socket('10.9.1.1')], flows), [
    { server, address: '10.9.1.1', sessions: 2, forwarded: true },
    { server, address: '10.9.1.1', sessions: 1 },
  ]);
});

test('what ss says is sent once, and a controller that is away stops nothing', async () => {
  const stop = new AbortController();
  const sent: OpenReport[] = [];
  const line = 'ESTAB 0 0 10.0.0.1:6443 10.9.1.1:40000\n';
  const waits: number[] = [];
  await tellOpenSessions(
    {
      name: 'cp-1',
      link: {
        sendOpen: async (report) => {
          sent.push(report);
          stop.abort();
          throw new Error('away');
        },
      },
      run: async (program, args) => {
        if (program === 'ss') waits.push(args.length);
        return { code: 0, stdout: line, stderr: '' };
      },
      clock: { now: () => 0, mono: () => 0 },
      resolved: () => resolved,
    },
    stop.signal,
  );
  assert.deepEqual(sent, [{ agent: 'cp-1', open: [{ server, address: '10.9.1.1', sessions: 1 }] }]);
  assert.equal(waits.length, 1);
});
