// DNS names of groups, against a DNS server on loopback: from an answer to the agents' plans.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { memoryLog } from '../log/memory.ts';
import { Inventory } from '../model/inventory.ts';
import type { AgentPlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import { maxAddresses, openResolver } from '../platform/resolver.ts';
import { openCore } from './core.ts';
import { putDocuments } from './documents.ts';
import { createNameWatch, type NameWatch } from './name-watch.ts';
import { type FakeDns, fakeDns } from './testing/fake-dns.ts';

let dns: FakeDns;
let now = Date.parse('2026-01-01T00:00:00Z');
const clock = { now: () => now, mono: () => now };

before(async () => {
  dns = await fakeDns();
});
after(() => dns.close());

const inventory = (names: readonly string[], more: object[] = []) =>
  Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod' }],
    hosts: [{ name: 'cp-1', cluster: 'prod', addresses: ['10.0.0.1'], tags: ['tier=control-plane'] }],
    servers: [{ name: 's', cluster: 'prod', host: 'cp-1', address: '10.0.0.1' }],
    groups: [{ name: 'vpn', addresses: ['192.0.2.1'], names, tags: ['site=vpn'] }, ...more],
  });
const policy = Policy.parse({
  apiVersion: 'portcullis/v1',
  rules: [{ id: 'vpn', from: 'group=vpn', to: 'any', action: 'pass' }],
  default: 'deny',
});

function world(names: readonly string[]) {
  const notes: string[] = [];
  const resolver = openResolver([dns.server], 60_000);
  const core = openCore({
    log: memoryLog(clock),
    knowledge: { shields: [], advisories: [], assess: () => ({ exposures: [], tags: [] }) },
    clock,
    controllers: [{ address: '10.9.0.1', port: 7443 }],
    probers: ['10.9.0.1'],
    note: (line) => void notes.push(line),
  });
  putDocuments(core, { inventory: inventory(names), policy }, 'test');
  const watch = createNameWatch(
    core,
    resolver.resolve,
    (line) => void notes.push(line),
    () => 0.5,
  );
  return {
    core,
    watch,
    notes,
    passed: () => {
      const text = (core.plan('agent', 'cp-1') ?? assert.fail('no plan')).text();
      const plan = JSON.parse(text) as AgentPlan;
      return plan.services[0]?.rules.find(({ id }) => id === 'policy/vpn')?.from;
    },
    [Symbol.dispose]() {
      watch.close();
      resolver.close();
      core.close();
    },
  };
}

async function later(watch: NameWatch, seconds: number): Promise<void> {
  now += seconds * 1000;
  await watch.turn();
}

test('a name is its addresses, of both families, and follows DNS', async () => {
  dns.zone.set('vpn.example.org', ['198.51.100.7', '2001:db8::7']);
  using place = world(['VPN.example.org.']);
  assert.deepEqual(place.passed(), ['192.0.2.1']);
  await place.watch.turn();
  assert.deepEqual(place.passed(), ['192.0.2.1', '198.51.100.7', '2001:db8::7']);
  const [status] = place.watch.names();
  assert.deepEqual(status?.addresses, ['198.51.100.7', '2001:db8::7']);
  assert.equal(status?.answeredAt, new Date(now).toISOString());
  dns.zone.set('vpn.example.org', ['198.51.100.8']);
  await later(place.watch, 61);
  assert.deepEqual(place.passed(), ['192.0.2.1', '198.51.100.8']);
  // The same answer again is no entry and no plan.
  const { seq } = place.core.log.head();
  await later(place.watch, 61);
  assert.equal(place.core.log.head().seq, seq);
});

test('an answer is asked for again when it has run out, and not before', async () => {
  dns.zone.set('ttl.example.org', ['198.51.100.9']);
  dns.ttl = 300;
  using place = world(['ttl.example.org']);
  await place.watch.turn();
  const first = dns.asked.get('ttl.example.org') ?? 0;
  await later(place.watch, 299);
  assert.equal(dns.asked.get('ttl.example.org'), first);
  await later(place.watch, 2);
  assert.ok((dns.asked.get('ttl.example.org') ?? 0) > first);
  // However short an answer holds, a name is asked for at most every half a minute.
  dns.ttl = 0;
  await later(place.watch, 301);
  const second = dns.asked.get('ttl.example.org') ?? 0;
  await later(place.watch, 29);
  assert.equal(dns.asked.get('ttl.example.org'), second);
  dns.ttl = 60;
});

test('while DNS fails the last good answer stands, and its age is shown', async () => {
  dns.zone.set('frail.example.org', ['198.51.100.10']);
  using place = world(['frail.example.org']);
  await place.watch.turn();
  const good = new Date(now).toISOString();
  dns.zone.set('frail.example.org', 'servfail');
  await later(place.watch, 3600);
  const { seq } = place.core.log.head();
  await later(place.watch, 3600);
  assert.equal(place.core.log.head().seq, seq, 'a failure is logged once');
  assert.deepEqual(place.passed(), ['192.0.2.1', '198.51.100.10']);
  const [status] = place.watch.names();
  assert.match(status?.error ?? '', /ESERVFAIL.*dns-failed/);
  assert.equal(status?.answeredAt, good);
  dns.zone.set('frail.example.org', ['198.51.100.10']);
  await later(place.watch, 3600);
  assert.equal(place.watch.names()[0]?.error, undefined);
});

test('a name that has no address matches nothing', async () => {
  dns.zone.set('empty.example.org', []);
  dns.zone.set('blocked.example.org', ['0.0.0.0', '127.0.0.1', '224.0.0.1', 'fe80::1']);
  for (const name of ['gone.example.org', 'empty.example.org', 'blocked.example.org']) {
    using place = world([name]);
    await place.watch.turn();
    assert.deepEqual(place.passed(), ['192.0.2.1'], name);
    assert.equal(place.watch.names()[0]?.error, undefined, name);
  }
  dns.zone.set('was.example.org', ['198.51.100.11']);
  using place = world(['was.example.org']);
  await place.watch.turn();
  dns.zone.set('was.example.org', 'nxdomain');
  await later(place.watch, 3600);
  assert.deepEqual(place.passed(), ['192.0.2.1']);
});

test('a name with too many addresses keeps its last good answer', async () => {
  dns.zone.set('many.example.org', ['198.51.100.12']);
  using place = world(['many.example.org']);
  await place.watch.turn();
  const some = (count: number) => Array.from({ length: count }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
  dns.zone.set('many.example.org', some(maxAddresses + 1));
  await later(place.watch, 3600);
  assert.match(place.watch.names()[0]?.error ?? '', /257 addresses, and at most 256/);
  assert.deepEqual(place.passed(), ['192.0.2.1', '198.51.100.12']);
  dns.zone.set('many.example.org', some(maxAddresses));
  await later(place.watch, 3600);
  assert.equal(place.watch.names()[0]?.addresses.length, maxAddresses);
});

test('what the compiler refuses leaves the former answer, and a name that left begins anew', async () => {
  dns.zone.set('clash.example.org', ['198.51.100.13']);
  using place = world(['clash.example.org']);
  await place.watch.turn();
  const other = { name: 'other', addresses: ['203.0.113.5'], tags: ['site=other'] };
  putDocuments(place.core, { inventory: inventory(['clash.example.org'], [other]) }, 'test');
  dns.zone.set('clash.example.org', ['203.0.113.5']);
  await later(place.watch, 3600);
  assert.deepEqual(place.passed(), ['192.0.2.1', '198.51.100.13']);
  assert.match(place.watch.names()[0]?.error ?? '', /can't be both/);
  putDocuments(place.core, { inventory: inventory([]) }, 'test');
  await place.watch.turn();
  assert.equal(place.core.state.names.size, 0);
  dns.zone.set('clash.example.org', 'servfail');
  putDocuments(place.core, { inventory: inventory(['clash.example.org']) }, 'test');
  await later(place.watch, 3600);
  assert.deepEqual(place.passed(), ['192.0.2.1']);
});
