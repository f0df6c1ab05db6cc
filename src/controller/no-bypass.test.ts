// No way around: packets traced through the table that each agent makes of its plan, to every address at which a server
// of its cluster can be reached.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { buildTable } from '../nft/build.ts';
import { traceConnection } from '../nft/trace.ts';
import { compile } from '../policy/compile.ts';

const address = fc.integer({ min: 1, max: 12 }).map((n) => (n > 8 ? `2001:db8::${n}` : `10.0.0.${n}`));
const port = fc.constantFrom(6443, 8443);
const inventories = fc
  .record({
    hosts: fc.array(
      fc.record({
        cluster: fc.constantFrom('c0', 'c1'),
        addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    servers: fc.array(
      fc.record({ host: fc.nat(3), port, also: fc.array(fc.record({ address, port }), { maxLength: 2 }) }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ hosts, servers }) =>
    Inventory.safeParse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'c0' }, { name: 'c1' }],
      hosts: hosts.map((host, i) => ({ ...host, name: `h${i}`, tags: ['tier=node'] })),
      servers: servers.map(({ host, ...server }, i) => {
        const at = host % hosts.length;
        return {
          ...server,
          name: `s${i}`,
          cluster: hosts[at]?.cluster,
          host: `h${at}`,
          address: hosts[at]?.addresses[0],
          gatePort: 16_443 + i,
        };
      }),
    }),
  );

const policies = [
  ['deny', 'reset'],
  ['drop', 'drop'],
  ['steer', 'steered'],
] as const;

test('a stranger meets the verdict at every way in, at the agent of every host of the cluster', () => {
  const met = { traced: 0, unnamed: 0, steered: 0 };
  fc.assert(
    fc.property(inventories, fc.constantFrom(...policies), (parsed, [action, fate]) => {
      if (!parsed.success) return;
      const inventory = parsed.data;
      const policy = Policy.parse({
        apiVersion: 'portcullis/v1',
        rules: [{ id: 'all', from: 'any', to: 'any', action }],
      });
      let agents: ReturnType<typeof compile>['agents'];
      try {
        ({ agents } = compile({
          inventory,
          policy,
          shields: [],
          observed: new Map(),
          stages: [],
          controllers: [],
          probers: [],
          enrolled: inventory.hosts.map(({ name }) => name),
        }));
      } catch (error) {
        if (error instanceof Failure && ['bad-inventory', 'plan-bypassed'].includes(error.code)) return;
        throw error;
      }
      for (const host of inventory.hosts) {
        const plan = agents.get(host.name);
        if (!plan) continue;
        const unnamed = ['172.17.0.1', 'fe80::1'];
        const localAddresses = [...host.addresses, ...unnamed];
        const table = buildTable(
          { ...plan, generation: 1, issuedAt: '2024-01-01T00:00:00Z' },
          { localAddresses },
        );
        const request = (to: string, at: number, local: boolean) => {
          const from = to.includes(':') ? '2001:db8:ffff::1' : '198.51.100.1';
          return traceConnection(table, { from, to, port: at, local }).request;
        };
        for (const server of inventory.servers) {
          const on = inventory.hosts.find(({ name }) => name === server.host);
          if (server.cluster !== host.cluster || !on) continue;
          const ways = [
            ...on.addresses.map((to) => ({ address: to, port: server.port })),
            ...server.also,
            ...(on === host ? unnamed.map((to) => ({ address: to, port: server.port })) : []),
          ];
          for (const way of ways) {
            const local = localAddresses.includes(way.address);
            const became = request(way.address, way.port, local);
            // Where no gate has an address of the family, nobody can be sent to one: they are refused.
            const right = became === fate || (fate === 'steered' && became === 'reset');
            assert.ok(right, `${became}: ${way.address}:${way.port} of ${server.name} at ${host.name}`);
            if (became === 'steered') met.steered += 1;
            met.traced += 1;
            if (unnamed.includes(way.address)) met.unnamed += 1;
          }
        }
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(met.traced > 200 && met.unnamed > 50 && met.steered > 30, JSON.stringify(met));
});
