import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleService, planOf, ruleOf } from '../nft/example-plan.ts';
import type { Runner } from './host.ts';
import { resolvePlan } from './protected.ts';
import { destroySockets, mustCut, parseSockets } from './sockets.ts';

test('lines of ss are read with canonical addresses; what is no socket is left out', () => {
  const text = [
    'ESTAB 0      0      [::ffff:10.0.0.1]:6443  [::ffff:10.1.0.69]:39087',
    'ESTAB    0  0  10.0.0.1:6443 10.0.0.2:40000 timer:(keepalive,1min,0)',
    'CLOSE-WAIT 1 0 [2001:db8:0::1]:6443 [2001:DB8::2]:40001',
    'ESTAB 0 0 [fe80::1%eth0]:6443 [fe80::2%eth0]:40002',
    'ESTAB 0 0 10.0.0.1%eth0:6443 10.0.0.2:40003',
    'State Recv-Q Send-Q Local Address:Port Peer Address:Port',
    '',
  ].join('\n');
  assert.deepEqual(
    parseSockets(text).map(({ local, localPort, peer, peerPort }) => [local, localPort, peer, peerPort]),
    [
      ['10.0.0.1', 6443, '10.1.0.69', 39087],
      ['10.0.0.1', 6443, '10.0.0.2', 40000],
      ['2001:db8::1', 6443, '2001:db8::2', 40001],
      ['fe80::1', 6443, 'fe80::2', 40002],
      ['10.0.0.1', 6443, '10.0.0.2', 40003],
    ],
  );
});

test('which connections go', () => {
  const lifted = {
    ...exampleService,
    id: 'b',
    endpoints: [{ address: '10.0.0.9', port: 7443 }],
    gatePort: 17443,
  };
  const plan = planOf([
    { ...exampleService, rules: [...exampleService.rules, ruleOf('ok', ['10.4.0.0/16'], 'pass')] },
    { ...lifted, rules: [ruleOf('no', ['10.9.0.8'], 'deny')], default: 'pass' },
  ]);
  const resolved = resolvePlan(plan, ['10.0.0.1', '10.0.0.9', '172.17.0.1', '127.0.0.1', '::1']);
  const cases: [string, number, string, boolean, boolean][] = [
    // local address, port, peer, gate trusted, goes
    ['10.0.0.1', 6443, '10.4.0.1', true, false],
    ['10.0.0.1', 6443, '10.9.0.8', true, true],
    ['10.0.0.1', 6443, '192.0.2.1', true, true],
    ['172.17.0.1', 6443, '10.9.0.8', true, true],
    ['172.17.0.1', 16443, '192.0.2.1', true, false],
    ['172.17.0.1', 16443, '10.4.0.1', true, false],
    ['172.17.0.1', 16443, '10.9.0.8', true, true],
    ['172.17.0.1', 16443, '192.0.2.1', false, true],
    ['10.0.0.1', 6443, '10.0.0.1', true, false],
    ['10.0.0.1', 6443, '172.17.0.1', true, false],
    ['10.0.0.1', 16443, '127.0.0.1', false, false],
    ['127.0.0.1', 6443, '127.9.9.9', true, false],
    ['10.0.0.9', 17443, '192.0.2.1', true, false],
    ['10.0.0.9', 17443, '10.9.0.8', true, true],
    ['10.0.0.9', 7443, '192.0.2.1', true, false],
    ['10.0.0.1', 22, '10.9.0.8', false, false],
  ];
  for (const [local, localPort, peer, trusted, goes] of cases) {
    const socket = { local, localPort, peer, peerPort: 40000 };
    assert.equal(mustCut(resolved, socket, trusted), goes, `${local}:${localPort} ← ${peer}`);
  }
});

test('a thousand peers take few runs of ss, each peer once', async () => {
  const filters: string[] = [];
  const run: Runner = (_file, args) => {
    const filter = args.at(-1) ?? '';
    filters.push(filter);
    const peers = filter.match(/dst /g)?.length ?? 0;
    return Promise.resolve({
      code: 0,
      stdout: 'ESTAB 0 0 10.0.0.1:6443 10.0.0.2:1\n'.repeat(peers),
      stderr: '',
    });
  };
  const sockets = Array.from({ length: 1000 }, (_, i) => ({
    local: '10.0.0.1',
    localPort: 6443,
    peer: `10.1.${i >> 8}.${i & 255}`,
    peerPort: 40000,
  }));
  const six = { local: '2001:db8::1', localPort: 6443, peer: '2001:db8::2', peerPort: 1 };
  assert.equal(await destroySockets(run, [...sockets, ...sockets, six]), 1001);
  assert.equal(filters.length, 4);
  assert.equal(filters[3], '( src [2001:db8::1]:6443 and ( dst [2001:db8::2] ) )');
});
