// The shields and advisories that are shipped, as a whole: each proves itself, and not by chance; a person can put it to
// inspect, and the fix lifts it.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { nextStage } from '../../src/controller/response.ts';
import { builtInRuleIds } from '../../src/inspect/built-in-rules.ts';
import { parseComponentVersion } from '../../src/intel/component-version.ts';
import { exposureOf } from '../../src/intel/match.ts';
import { parseOsv } from '../../src/intel/osv.ts';
import { parseServerVersion } from '../../src/intel/version.ts';
import type { Advisory } from '../../src/model/advisory.ts';
import { Inventory } from '../../src/model/inventory.ts';
import { GatePlan } from '../../src/model/plan.ts';
import { Policy } from '../../src/model/policy.ts';
import type { Shield, ShieldTest } from '../../src/model/shield.ts';
import { compile } from '../../src/policy/compile.ts';
import { loadShield } from '../../src/shields/load.ts';
import { selfTest } from '../../src/shields/self-test.ts';

const folder = join(import.meta.dirname, '../../shields');
const read = (file: string) => readFileSync(join(folder, file), 'utf8');
const shields: readonly Shield[] = globSync('*.yaml', { cwd: folder })
  .sort()
  .map((file) => {
    const shield = loadShield(read(file), file);
    assert.equal(`${shield.id}.yaml`, file);
    return shield;
  });
const advisories: ReadonlyMap<string, Advisory> = new Map(
  globSync('advisories/*.json', { cwd: folder }).map((file) => {
    const advisory = parseOsv(JSON.parse(read(file)), file);
    return [advisory.id, advisory];
  }),
);

test('each shield has its advisory, of the same severity and component', () => {
  assert.ok(shields.length >= 9);
  for (const { id, severity, component } of shields) {
    assert.equal(advisories.get(id)?.severity, severity, id);
    assert.ok(advisories.get(id)?.affected.every((entry) => entry.component === component));
  }
});

test('what is left out has a reason and no shield', () => {
  const rows = JSON.parse(read('left-out.json')) as { id: string; reason: string }[];
  for (const { id, reason } of rows) {
    assert.ok(!shields.some((shield) => shield.id === id), id);
    assert.match(reason, /^[A-Z].{20,}\.$/);
  }
});

for (const shield of shields.filter(({ tests }) => tests.length > 0)) {
  describe(shield.id, () => {
    const fired = shield.tests.flatMap((one) => one.expect.rules);

    test('every rule is fired by three attacks at least, where it denies; three neighbours pass', () => {
      for (const rule of shield.deeperDefense.rules) {
        const wanted = rule.action === 'deny' && shield.id !== 'CVE-2018-1002105' ? 3 : 1;
        assert.ok(fired.filter((id) => id === rule.id).length >= wanted, rule.id);
      }
      assert.ok(shield.tests.filter((one) => one.kind === 'innocent').length >= 3);
    });

    test('without it its attacks get through, but for those that the gate itself cuts', () => {
      const without = selfTest({ ...shield, deeperDefense: { rules: [] } });
      for (const [index, { name, kind, expect }] of shield.tests.entries()) {
        const byGate = expect.rules.every((id) => builtInRuleIds.has(id));
        const stripped = expect.rules.length === 0;
        if (kind === 'attack' && (stripped || !byGate)) assert.equal(without.tests[index]?.ok, false, name);
      }
    });

    test("the other shields' neighbours pass it too", () => {
      if (shield.deeperDefense.stripHeaders) return; // cuts nothing
      // What a site alone knows (whom it trusts, which namespaces) is about callers, not about exchanges.
      const ofSite = Object.entries(shield.parameters ?? {}).flatMap(([name, { site }]) =>
        site ? [name] : [],
      );
      const rules = shield.deeperDefense.rules.filter(
        (rule) => rule.action !== 'log' && !ofSite.some((name) => rule.when.includes(`parameters.${name}`)),
      );
      for (const other of shields) {
        if (refusesWhole.get(shield.id) === other.id) continue;
        const innocents = other.tests.filter((one) => one.kind === 'innocent');
        // What is refused for being YAML has neighbours in JSON alone.
        const tests = rules.some(({ id }) => id === 'yaml-write') ? innocents.map(inJson) : innocents;
        const { parameters } = shield;
        const cut = selfTest({ ...other, parameters, deeperDefense: { rules }, tests }).tests.filter(
          ({ reason }) => rules.some(({ id }) => reason.includes(id)),
        );
        assert.deepEqual(cut, [], other.id);
      }
    });

    test('a person can put it to inspect: callers are steered and the gate gets its rules', () => {
      const plans = compile({
        inventory,
        policy: Policy.parse({ apiVersion: 'portcullis/v1' }),
        shields,
        observed: new Map(),
        stages: [{ server: 'api', shield: shield.id, stage: 'inspect' }],
        controllers: [{ address: '192.0.2.9', port: 7443 }],
        probers: ['192.0.2.9'],
      });
      assert.equal(plans.agents.get('cp')?.services[0]?.default, 'steer');
      const body = plans.gates.get('cp');
      const plan = GatePlan.parse({ ...body, generation: 1, issuedAt: '2026-11-01T00:00:00Z' });
      const [given] = plan.listeners[0]?.shields ?? [];
      assert.equal(given?.id, shield.id);
      assert.deepEqual(given?.rules, shield.deeperDefense.rules);
      assert.deepEqual(given?.stripHeaders, shield.deeperDefense.stripHeaders);
    });

    test('what it does by itself: nothing below critical; from a person’s inspect it is lifted by the fix', () => {
      const advisory = advisories.get(shield.id);
      assert.ok(advisory);
      const [affected, fixed] = versionsOf(advisory);
      const response = Policy.parse({ apiVersion: 'portcullis/v1' }).response;
      const situation = (version: string, stage?: 'inspect') => ({
        shield,
        severity: advisory.severity,
        server: { observation: { version, tags: [], exposures: [] }, exposedSince: {} },
        exposure: exposureOf(advisory, shield.component, parseServerVersion(version)),
        stage: stage && {
          ...{ server: 'api', shield: shield.id, stage, why: 'by hand', by: 'person' as const },
          ...{ version: affected, since: 0, seconds: {} },
        },
        mode: shield.tier === 1 ? ('enforce' as const) : ('shadow' as const),
        agentReady: true,
        gateReady: true,
        gateLost: false,
      });
      const critical = advisory.severity === 'critical' && shield.tier === 1;
      assert.equal(nextStage(situation(affected), response)?.stage, critical ? 'block' : undefined);
      // A person's stage stays, in shadow too.
      assert.equal(nextStage(situation(affected, 'inspect'), response), undefined);
      if (fixed === undefined) {
        assert.equal(nextStage(situation('v1.99.0', 'inspect'), response), undefined);
        return;
      }
      const proof = shield.lift.when.includes('upgrade-probe');
      assert.equal(nextStage(situation(fixed, 'inspect'), response)?.stage, proof ? undefined : 'lifted');
    });
  });
}

for (const shield of shields.filter(({ firstResponse }) => firstResponse.services)) {
  const { services = [] } = shield.firstResponse;
  describe(`${shield.id}, on connections`, () => {
    test('each service that it closes has three attacks and two neighbours at least', () => {
      for (const service of services) {
        const of = (kind: string) =>
          (shield.reach ?? []).filter((one) => one.to === service && one.kind === kind);
        assert.ok(of('attack').length >= 3 && of('innocent').length >= 2, service);
      }
    });

    test('without it its attacks get through, and its neighbours as before', () => {
      const other = services.includes('webhook') ? 'loopback' : 'webhook';
      const firstResponse = { ...shield.firstResponse, services: [other] as const };
      const without = selfTest({
        ...shield,
        firstResponse: { ...firstResponse, services: [...firstResponse.services] },
      });
      for (const { name, kind, ok } of without.tests) assert.equal(ok, kind === 'innocent', name);
    });

    test('it is lifted by the fix, from a person’s block too, and never goes on to inspect', () => {
      const advisory = advisories.get(shield.id);
      assert.ok(advisory);
      const [affected, fixed] = versionsOf(advisory);
      const response = Policy.parse({ apiVersion: 'portcullis/v1' }).response;
      const situation = (version: string, by: 'person' | 'policy') => ({
        shield,
        severity: advisory.severity,
        server: { observation: { version, tags: [], exposures: [] }, exposedSince: {} },
        exposure: exposureOf(advisory, shield.component, parseComponentVersion(shield.component, version)),
        stage: {
          ...{ server: 'kubelet/x', shield: shield.id, stage: 'block' as const, why: 'by hand', by },
          ...{ version: affected, since: 0, seconds: {} },
        },
        agentReady: true,
        gateReady: false,
        gateLost: false,
        mode: 'enforce' as const,
        onlyConnections: true,
      });
      for (const by of ['person', 'policy'] as const) {
        assert.equal(nextStage(situation(affected, by), response), undefined);
        if (fixed === undefined) assert.equal(nextStage(situation('v1.99.0', by), response), undefined);
        else assert.equal(nextStage(situation(fixed, by), response)?.stage, 'lifted');
      }
    });
  });
}

/** The same exchange with its objects as JSON. */
function inJson(one: ShieldTest): ShieldTest {
  const steps = one.steps.map((step) =>
    'request' in step && step.request.object
      ? { ...step, request: { ...step.request, twins: ['json' as const] } }
      : step,
  );
  return { ...one, steps };
}

/** Shields that refuse all of what another one refuses a part of. */
const refusesWhole: ReadonlyMap<string, string> = new Map([['CVE-2025-1767', 'CVE-2024-10220']]);

/** A version that has the flaw, and the first without. */
function versionsOf({ affected }: Advisory): [string, string | undefined] {
  const fixed = affected[0]?.ranges.findLast((range) => range.fixed !== undefined)?.fixed;
  if (fixed === undefined) return ['v1.30.0', undefined];
  const [major = 0, minor = 0, patch = 0] = fixed.split('.').map(Number);
  return [patch > 0 ? `v${major}.${minor}.${patch - 1}` : `v${major}.${minor - 1}.0`, `v${fixed}`];
}

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'lab' }],
  hosts: [{ name: 'cp', cluster: 'lab', addresses: ['192.0.2.1'], tags: ['tier=control-plane'] }],
  servers: [
    { name: 'api', cluster: 'lab', host: 'cp', address: '192.0.2.1', port: 6443, gatePort: 16443, tags: [] },
  ],
});
