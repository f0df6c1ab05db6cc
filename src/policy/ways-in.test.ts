import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { type ApiServer, Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { compile } from './compile.ts';
import { requireNoBypass, uncoveredWays, waysIn } from './ways-in.ts';

const inventory = (also: object[] = [], more: object[] = []) =>
  Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab' }],
    hosts: [
      { name: 'cp', cluster: 'lab', addresses: ['10.0.0.1', '10.1.0.1', '2001:db8::1'] },
      { name: 'cp-2', cluster: 'lab', addresses: ['10.0.0.2'] },
      { name: 'node', cluster: 'lab', addresses: ['10.0.0.9'], tags: ['tier=node'] },
      ...more,
    ],
    servers: [
      { name: 'a', cluster: 'lab', host: 'cp', address: '10.0.0.1', also },
      { name: 'b', cluster: 'lab', host: 'cp-2', address: '10.0.0.2', also },
    ],
  });
const compiled = (of: Inventory, enrolled: readonly string[] = []) =>
  compile({
    inventory: of,
    policy: Policy.parse({ apiVersion: 'portcullis/v1' }),
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [],
    probers: [],
    enrolled,
  });

describe('waysIn', () => {
  const [a] = inventory().servers;
  const hostAddresses = ['10.0.0.1', '10.1.0.1', '2001:db8::1'];
  const ways = (also: { address: string; port: number }[]) =>
    a && waysIn({ ...a, also }, hostAddresses, new Set()).map(({ address, port }) => `${address} ${port}`);
  test('are the port at every address of the host, IPv6 too', () => {
    assert.deepEqual(ways([]), ['10.0.0.1 6443', '10.1.0.1 6443', '2001:db8::1 6443']);
  });
  test('and a second port of the host, and the service address as it is', () => {
    const also = [
      { address: '10.96.0.1', port: 443 },
      { address: '10.1.0.1', port: 8443 },
    ];
    assert.deepEqual(ways(also), [
      '10.0.0.1 6443',
      '10.96.0.1 443',
      '10.1.0.1 8443',
      '10.0.0.1 8443',
      '10.1.0.1 6443',
      '2001:db8::1 6443',
      '2001:db8::1 8443',
    ]);
  });
});

test('a second server on a host is not the way to the first', () => {
  const of = inventory();
  const [a] = of.servers;
  assert.ok(a);
  const second = { ...a, name: 'c', address: '10.1.0.1', gatePort: 17443 };
  const { agents } = compiled({ ...of, servers: [...of.servers, second] }, ['node']);
  const ends = (name: string) =>
    agents
      .get('node')
      ?.services.find(({ server }) => server === name)
      ?.endpoints.map(({ address }) => address);
  assert.deepEqual(ends('a'), ['10.0.0.1', '2001:db8::1']);
  assert.deepEqual(ends('c'), ['10.1.0.1']);
});

test("other hosts' agents judge a server at every address of its host", () => {
  const { agents } = compiled(inventory(), ['node']);
  for (const host of ['node', 'cp-2']) {
    const service = agents.get(host)?.services.find(({ server }) => server === 'a');
    assert.deepEqual(
      service?.endpoints.map(({ address }) => address),
      ['10.0.0.1', '10.1.0.1', '2001:db8::1'],
      host,
    );
  }
});

describe('requireNoBypass', () => {
  const of = inventory([{ address: '10.96.0.1', port: 443 }]);
  const servers = of.servers.map((server) => ({ server }));
  const hosts = new Map(of.hosts.map((host) => [host.name, host]));
  const all = compiled(of, ['node']).agents.get('node')?.services ?? [];
  const without = (address: string) =>
    all.map((each) => ({ ...each, endpoints: each.endpoints.filter((one) => one.address !== address) }));
  test('takes what compile makes', () => requireNoBypass({ host: undefined, services: all }, servers, hosts));
  for (const address of ['10.0.0.1', '10.1.0.1', '2001:db8::1', '10.96.0.1', '10.0.0.2']) {
    test(`refuses a plan that forgets ${address}`, () => {
      const services = without(address);
      assert.throws(() => requireNoBypass({ host: undefined, services }, servers, hosts), {
        code: 'plan-bypassed',
      });
    });
  }
  test('at its own host a server is judged at every address by its port', () => {
    requireNoBypass({ host: 'cp', services: without('10.1.0.1') }, servers, hosts);
    assert.throws(() => requireNoBypass({ host: 'cp', services: without('10.0.0.2') }, servers, hosts), {
      code: 'plan-bypassed',
    });
  });
  test('refuses a way that a server of another cluster judges', () => {
    const other = servers.map(({ server }) => ({ server: { ...server, cluster: `of-${server.name}` } }));
    assert.throws(() => requireNoBypass({ host: undefined, services: all }, other, hosts), {
      code: 'plan-bypassed',
      message: /another cluster/,
    });
  });
});

describe('uncoveredWays', () => {
  const proxy = [{ name: 'lb', addresses: ['10.3.0.1'] }];
  const also = [{ address: '10.3.0.1', port: 443 }];
  for (const [what, of, enrolled, expected] of [
    ['hosts without an agent', inventory(), [], [/^host node of its cluster without an agent/]],
    ['none', inventory(), ['node'], []],
    [
      'a load balancer without an agent',
      inventory(also, proxy),
      ['node'],
      [/^10\.3\.0\.1:443 is at host 'lb'/],
    ],
    ['a load balancer with one', inventory(also, proxy), ['node', 'lb'], []],
    ['a service address is at no host', inventory([{ address: '10.96.0.1', port: 443 }]), ['node'], []],
  ] as const) {
    test(what, () => {
      const gaps = uncoveredWays(of, new Set(enrolled)).get('a') ?? [];
      assert.equal(gaps.length, expected.length, gaps.join('; '));
      for (const [i, pattern] of expected.entries()) assert.match(gaps[i] ?? '', pattern);
    });
  }
});

test('whatever the inventory, every way that it names is judged by every agent of its cluster', () => {
  const address = fc.integer({ min: 1, max: 12 }).map((n) => (n > 8 ? `2001:db8::${n}` : `10.0.0.${n}`));
  const port = fc.constantFrom(6443, 8443);
  const cluster = fc.constantFrom('c0', 'c1');
  const inventories = fc.record({
    hosts: fc.array(
      fc.record({ cluster, addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 3 }) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    servers: fc.array(
      fc.record({ host: fc.nat(3), port, also: fc.array(fc.record({ address, port }), { maxLength: 3 }) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    enrolled: fc.subarray(['h0', 'h1', 'h2', 'h3']),
  });
  let met = 0;
  fc.assert(
    fc.property(inventories, ({ hosts, servers, enrolled }) => {
      const parsed = Inventory.safeParse({
        apiVersion: 'portcullis/v1',
        clusters: [{ name: 'c0' }, { name: 'c1' }],
        hosts: hosts.map((host, i) => ({ ...host, name: `h${i}`, tags: ['tier=node'] })),
        servers: servers.map(({ host, port, also }, i) => {
          const at = host % hosts.length;
          const on = hosts[at];
          return {
            name: `s${i}`,
            cluster: on?.cluster,
            host: `h${at}`,
            address: on?.addresses[0],
            port,
            also,
            gatePort: 16443 + i,
          };
        }),
      });
      if (!parsed.success) return;
      let agents: ReturnType<typeof compile>['agents'];
      try {
        agents = compiled(parsed.data, enrolled).agents;
      } catch (error) {
        // Inventories that contradict themselves are refused, which is another answer to the same question.
        if (error instanceof Failure && ['bad-inventory', 'plan-bypassed'].includes(error.code)) return;
        throw error;
      }
      met += 1;
      const of = new Map(parsed.data.hosts.map((host) => [host.name, host]));
      for (const [name, { services }] of agents) {
        const clusters = new Set(
          parsed.data.servers.filter(({ host }) => host === name).map((one) => one.cluster),
        );
        if (clusters.size === 0) clusters.add(of.get(name)?.cluster ?? '');
        const mineAndOthers: readonly ApiServer[] = parsed.data.servers.filter((one) =>
          clusters.has(one.cluster),
        );
        for (const server of mineAndOthers) {
          const own = of.get(server.host)?.addresses ?? [];
          const mine = of.get(name)?.addresses ?? [];
          for (const at of own) {
            const judged = services.some(({ endpoints }) =>
              endpoints.some(
                (one) =>
                  one.port === server.port &&
                  (one.address === at || (mine.includes(at) && mine.includes(one.address))),
              ),
            );
            assert.ok(judged, `${at}:${server.port} of ${server.name} at ${name}`);
          }
          for (const way of server.also)
            assert.ok(
              services.some(({ endpoints }) =>
                endpoints.some((one) => one.address === way.address && one.port === way.port),
              ),
              `${way.address}:${way.port} of ${server.name} at ${name}`,
            );
        }
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(met > 30, `${met} inventories that compile`);
});
