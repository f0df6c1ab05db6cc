// Modes, parameters and exemptions in the compiler.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { Exemption } from '../model/exemption.ts';
import { Inventory } from '../model/inventory.ts';
import { type GateListener, GatePlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type CompileInput, compile } from './compile.ts';
import { checkShieldSettings, shieldSettings } from './shield-settings.ts';

const exact = 'CVE-2099-0001';
const watched = 'CVE-2099-0002';

function inventory(more: object = {}, groups: object[] = []) {
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod', tags: ['site=berlin'] }],
    hosts: [{ name: 'cp-1', addresses: ['10.0.0.1'], cluster: 'prod', tags: ['tier=control-plane'] }],
    servers: [{ name: 'api-1', cluster: 'prod', host: 'cp-1', address: '10.0.0.1', ...more }],
    groups: [{ name: 'office', addresses: ['10.9.0.0/16'], tags: ['label=office'] }, ...groups],
  });
}

function shield(id: string, tier: number, more: Partial<Shield> = {}): Shield {
  const rule = {
    id: 'cut',
    phase: 'request',
    when: 'true',
    action: 'deny',
    severity: 'major',
    message: 'Cut.',
  } as const;
  return {
    id,
    tier,
    severity: 'critical',
    firstResponse: { pass: [], action: 'deny' },
    deeperDefense: { rules: [rule], stripHeaders: ['user-agent'] },
    ...more,
  } as unknown as Shield;
}
const shields = [shield(exact, 1), shield(watched, 2)];

type More = Partial<Omit<CompileInput, 'policy'>> & { policy?: object };
function compiled({ policy = {}, ...more }: More) {
  const plans = compile({
    inventory: inventory(),
    policy: Policy.parse({ apiVersion: 'portcullis/v1', ...policy }),
    shields,
    observed: new Map([['api-1', [`cve=${exact}`, `cve=${watched}`]]]),
    stages: [],
    controllers: [{ address: '10.9.9.9', port: 7443 }],
    probers: ['10.9.9.9'],
    ...more,
  });
  const gate = plans.gates.get('cp-1');
  GatePlan.parse({ ...gate, generation: 1, issuedAt: '2099-01-01T00:00:00Z' });
  const service = plans.agents.get('cp-1')?.services[0];
  return { listener: gate?.listeners[0], service, warnings: plans.warnings };
}
const modes = (listener: GateListener | undefined) =>
  listener?.shields.map(({ id, mode = 'enforce' }) => [id, mode]);

describe('modes', () => {
  test('a shadow that stands at observe neither blocks, steers nor opens a gate', () => {
    const { listener, service } = compiled({});
    assert.equal(listener, undefined);
    assert.deepEqual([service?.stage, service?.default], ['observe', 'pass']);
  });

  test('it rides along where callers are steered for another shield', () => {
    const stages = [{ server: 'api-1', shield: exact, stage: 'inspect' as const }];
    const { listener, service } = compiled({ stages });
    assert.deepEqual(modes(listener), [
      [exact, 'enforce'],
      [watched, 'shadow'],
    ]);
    assert.equal(service?.default, 'steer');
  });

  test('it does not ride where the server has not its flaw, or it is off', () => {
    const stages = [{ server: 'api-1', shield: exact, stage: 'inspect' as const }];
    const observed = new Map([['api-1', [`cve=${exact}`]]]);
    assert.deepEqual(modes(compiled({ stages, observed }).listener), [[exact, 'enforce']]);
    const off = [{ server: 'api-1', shield: watched, mode: 'off' as const }];
    assert.deepEqual(modes(compiled({ stages, modes: off }).listener), [[exact, 'enforce']]);
  });

  test('observe: gate makes the gate ready for it, and steers nobody before its stage says so', () => {
    const policy = { response: { observe: 'gate' } };
    const ready = compiled({ policy });
    assert.deepEqual(modes(ready.listener), [[watched, 'shadow']]);
    assert.equal(ready.service?.default, 'pass');
    const stages = [{ server: 'api-1', shield: watched, stage: 'inspect' as const }];
    const steered = compiled({ policy, stages });
    assert.deepEqual(modes(steered.listener), [[watched, 'shadow']]);
    assert.equal(steered.service?.default, 'steer');
  });

  test('one that is off blocks and steers nobody, whatever its stage', () => {
    for (const stage of ['block', 'inspect'] as const) {
      const stages = [{ server: 'api-1', shield: exact, stage }];
      const { listener, service } = compiled({
        stages,
        modes: [{ server: 'api-1', shield: exact, mode: 'off' }],
      });
      assert.equal(listener, undefined);
      assert.deepEqual([service?.stage, service?.default], ['observe', 'pass']);
    }
  });

  test('a block by hand stands whatever the mode', () => {
    const stages = [{ server: 'api-1', shield: watched, stage: 'block' as const }];
    const { listener, service } = compiled({ stages });
    assert.deepEqual([service?.stage, service?.default], ['block', 'deny']);
    assert.deepEqual(modes(listener), [[watched, 'shadow']]);
  });

  test('where no gate can inspect, a shadow falls back to no block', () => {
    const stages = [exact, watched].map((id) => ({
      server: 'api-1',
      shield: id,
      stage: 'inspect' as const,
    }));
    const l4 = inventory({ identity: { mode: 'l4' } });
    assert.equal(compiled({ inventory: l4, stages }).service?.default, 'deny');
    const only = stages.slice(1);
    const shadow = compiled({ inventory: l4, stages: only });
    assert.equal(shadow.service?.default, 'pass');
    assert.ok(!shadow.warnings.join().includes(watched), 'it keeps to no first response');
  });

  test('a hand goes before the policy, the policy before the tier, the first entry before the next', () => {
    const [, tierTwo] = shields;
    const server = { name: 'api-1', tags: ['site=berlin'] };
    const entries = [
      { shield: watched, servers: 'site=paris', mode: 'off' },
      { shield: watched, servers: 'site=berlin', mode: 'enforce' },
      { shield: watched, mode: 'off' },
    ];
    const policy = (list: object[]) => Policy.parse({ apiVersion: 'portcullis/v1', shields: list });
    const of = (list: object[], hand: CompileInput['modes'] = []) => {
      assert.ok(tierTwo);
      const { mode, from } = shieldSettings(tierTwo, server, policy(list), hand ?? []);
      return [mode, from];
    };
    assert.deepEqual(of([]), ['shadow', 'tier']);
    assert.deepEqual(of(entries), ['enforce', 'policy']);
    const hand = [{ server: 'api-1', shield: watched, mode: 'off' as const }];
    assert.deepEqual(of(entries, hand), ['off', 'person']);
    assert.deepEqual(of([], [{ server: 'api-2', shield: watched, mode: 'off' }]), ['shadow', 'tier']);
  });
});

describe('parameters', () => {
  const parameters = {
    allowed: { meaning: 'Prefixes.', default: ['192.0.2.0/24'] },
    trusted: { meaning: 'Who may.', default: ['ada'], site: true as const },
  };
  const one = shield(exact, 1, { parameters });
  const stages = [{ server: 'api-1', shield: exact, stage: 'inspect' as const }];
  const given = (list: object[]) => {
    const { listener } = compiled({ shields: [one], stages, policy: { shields: list } });
    const { parameters: values, unset } = listener?.shields[0] ?? {};
    return { values, unset };
  };

  test('have their defaults, and what only a site knows is unset', () => {
    assert.deepEqual(given([]), { values: { allowed: ['192.0.2.0/24'] }, unset: ['trusted'] });
  });

  test("have the site's values, each from the first entry that speaks of it", () => {
    const list = [
      { shield: exact, servers: 'site=paris', parameters: { trusted: ['eve'] } },
      { shield: exact, servers: 'site=berlin', parameters: { trusted: ['bob'] } },
      { shield: exact, parameters: { trusted: ['carol'], allowed: [] } },
    ];
    assert.deepEqual(given(list), { values: { allowed: [], trusted: ['bob'] }, unset: undefined });
  });

  const wrong: readonly [string, object, string][] = [
    ['an unknown shield', { shield: 'CVE-2099-9999' }, 'shields[0].shield'],
    ['an unknown parameter', { shield: exact, parameters: { alowed: [] } }, 'shields[0].parameters.alowed'],
  ];
  for (const [what, entry, place] of wrong) {
    test(`${what} is refused with its place`, () => {
      const policy = Policy.parse({ apiVersion: 'portcullis/v1', shields: [entry] });
      assert.throws(
        () => checkShieldSettings(policy, [one]),
        (error) => error instanceof Failure && error.place === place,
      );
    });
  }
});

describe('exemptions', () => {
  const stages = [{ server: 'api-1', shield: exact, stage: 'inspect' as const }];
  const exemption = (more: object) =>
    Exemption.parse({
      id: 'e1',
      shield: exact,
      owner: 'platform',
      reason: 'a migration',
      expires: '2099-01-01T00:00:00Z',
      users: ['ada'],
      ...more,
    });
  const told = (more: object, input: More = {}) =>
    compiled({ stages, exemptions: [exemption(more)], ...input }).listener?.shields.find(
      ({ id }) => id === exact,
    )?.exemptions?.[0];

  test('travel to the gate without who asked and why', () => {
    assert.deepEqual(told({}), { id: 'e1', users: ['ada'], expires: '2099-01-01T00:00:00Z' });
  });

  test('name their sources by tags, whose prefixes follow the inventory', () => {
    assert.deepEqual(told({ from: 'label=office' })?.from, ['10.9.0.0/16']);
    const more = inventory({}, [{ name: 'annex', addresses: ['10.8.0.0/16'], tags: ['label=office'] }]);
    assert.deepEqual(told({ from: 'label=office' }, { inventory: more })?.from, ['10.8.0.0/15']);
    assert.deepEqual(told({ from: '192.0.2.0/24' })?.from, ['192.0.2.0/24']);
    assert.deepEqual(told({ from: '2001:db8::1' })?.from, ['2001:db8::1']);
  });

  test('whose tags nobody has exempt nobody', () => {
    assert.equal(told({ from: 'label=nobody' }), undefined);
  });

  test('hold for the servers that they name', () => {
    assert.ok(told({ servers: 'site=berlin' }));
    assert.equal(told({ servers: 'site=paris' }), undefined);
  });

  test('by service account are not taken where the flaw is met before the server has read the token', () => {
    const who = { users: undefined, serviceAccounts: ['system:serviceaccount:a:b'] };
    assert.ok(told(who));
    const early = [shield(exact, 1, { beforeAuthentication: true }), shield(watched, 2)];
    assert.equal(told(who, { shields: early }), undefined);
  });

  test('that exempt everybody from everything are refused', () => {
    assert.throws(() => exemption({ users: undefined }), /say whom or what/);
  });
});

test('cut is told as a number that rises', () => {
  const stages = [{ server: 'api-1', shield: exact, stage: 'inspect' as const }];
  assert.equal(compiled({ stages }).listener?.cut, undefined);
  assert.equal(compiled({ stages, cuts: new Map([['api-1', 2]]) }).listener?.cut, 2);
});

test('who names what the inventory does not hold is refused, so that what is in use stays', () => {
  const exemption = (more: object) =>
    Exemption.parse({
      id: 'ci',
      shield: exact,
      reason: 'r',
      owner: 'o',
      expires: '2099-02-01T00:00:00Z',
      ...more,
    });
  const settings = (servers: string) => ({ policy: { shields: [{ shield: exact, servers, mode: 'off' }] } });
  const exempt = (more: object) => ({ exemptions: [exemption(more)] });
  for (const held of [
    settings('server=api-1 OR cluster=prod'),
    exempt({ from: 'group=office', servers: 'host=cp-1' }),
    exempt({ from: '10.9.0.0/16' }),
  ])
    compiled(held);
  for (const [more, place, message] of [
    [
      settings('server=api-2'),
      'shields[0].servers',
      /no server 'api-2'.*what the policy says of CVE-2099-0001/,
    ],
    [exempt({ from: 'group=gone' }), 'exemption ci: from', /no group 'gone'.*exemption 'ci' names it/],
    [exempt({ users: ['u'], servers: 'host=gone' }), 'exemption ci: servers', /no host 'gone'/],
  ] as const)
    assert.throws(() => compiled(more), { code: 'unknown-name', place, message });
});
