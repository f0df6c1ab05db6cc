// The compiler against a dumb twin that judges one caller at a time by the words of rules.ts, without address sets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cidr, canonicalAddress, contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy, type Verdict } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type CompileInput, compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { matches, parseExpression } from './expression.ts';

const typed = (type: string, ...values: string[]) => values.map((value) => `${type}=${value}`);
const tags = fc
  .tuple(
    fc.constantFrom(...typed('tier', 'node', 'control-plane', 'bastion'), undefined),
    fc.constantFrom(...typed('site', 'a', 'b'), undefined),
    fc.subarray(typed('label', 'x', 'y')),
  )
  .map(([tier, site, labels]) => [tier, site, ...labels].filter((tag) => tag !== undefined));

/** 16 IPv4 and 16 IPv6 addresses, so that prefixes nest and meet. */
const address = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 15 }))
  .map(([six, n]) => canonicalAddress(six ? `2001:db8::${n.toString(16)}` : `10.0.0.${n}`));
const prefix = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 4 }))
  .map(([six, n, hostBits]) => {
    const first = (n >> hostBits) << hostBits;
    return six ? `2001:db8::${first.toString(16)}/${128 - hostBits}` : `10.0.0.${first}/${32 - hostBits}`;
  });
const callers = [
  ...Array.from({ length: 16 }, (_, n) => [`10.0.0.${n}`, `2001:db8::${n.toString(16)}`]).flat(),
  '192.0.2.1',
  '2001:db8:ffff::1',
];

const inventories = fc
  .record({
    clusterTags: fc.tuple(tags, tags),
    hosts: fc.uniqueArray(fc.record({ address, cluster: fc.constantFrom('c0', 'c1', undefined), tags }), {
      selector: (host) => host.address,
      minLength: 1,
      maxLength: 6,
    }),
    groups: fc.uniqueArray(fc.record({ prefix, tags }), {
      selector: (group) => parseCidr(group.prefix).text,
      maxLength: 5,
    }),
    serverTags: tags,
  })
  .map(({ clusterTags, hosts, groups, serverTags }) => {
    const [first] = hosts;
    return Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: clusterTags.map((own, i) => ({ name: `c${i}`, tags: own })),
      hosts: hosts.map((host, i) => ({
        name: `h${i}`,
        addresses: [host.address],
        ...(i === 0 ? { cluster: 'c0' } : host.cluster ? { cluster: host.cluster } : {}),
        tags: host.tags,
      })),
      servers: [{ name: 's', cluster: 'c0', host: 'h0', address: first?.address, tags: serverTags }],
      groups: groups.map((group, i) => ({ name: `g${i}`, addresses: [group.prefix], tags: group.tags })),
    });
  });

const atom = fc.constantFrom(
  ...typed('tier', 'node', 'control-plane', 'bastion'),
  ...typed('site', 'a', 'b'),
  ...typed('label', 'x', 'y'),
  'exists tier',
  'site in (a, b)',
);
const from = fc.oneof(
  fc.constant('any'),
  atom,
  fc.tuple(atom, atom).map(([a, b]) => `${a} AND NOT ${b}`),
  fc.tuple(atom, atom).map(([a, b]) => `${a} or ${b}`),
  atom.map((a) => `any and not ${a}`),
  atom.map((a) => `not any or ${a}`),
  atom.map((a) => `not ${a}`),
);
const to = fc.constantFrom('any', 'site=a', 'NOT site=a', 'label!=x', 'tier=control-plane', 'cve=CVE-1');
const policies = fc
  .record({
    rules: fc.array(
      fc.record({
        tier: fc.constantFrom('break-glass', 'security', 'security', 'platform', 'platform', 'default'),
        from,
        to,
        action: fc.constantFrom('pass', 'deny', 'drop', 'steer'),
      }),
      { maxLength: 5 },
    ),
    default: fc.constantFrom('pass', 'pass', 'deny', 'drop'),
  })
  .map((policy) =>
    Policy.parse({
      apiVersion: 'portcullis/v1',
      default: policy.default,
      rules: policy.rules.map((rule, i) => ({ id: `r${i}`, ...rule })),
    }),
  );

const shields = fc.tuple(
  ...['CVE-A-001', 'CVE-B-002'].map((id) =>
    fc
      .record({ pass: fc.array(from, { maxLength: 2 }), action: fc.constantFrom('deny', 'drop') })
      .map((firstResponse) => ({ id, firstResponse, deeperDefense: { rules: [] } }) as unknown as Shield),
  ),
);
const stage = fc.constantFrom('observe', 'block', 'block', 'inspect', 'inspect', 'lifted');

const inputs: fc.Arbitrary<CompileInput> = fc
  .record({
    inventory: inventories,
    policy: policies,
    shields,
    stages: fc.tuple(stage, stage),
    observed: fc.constantFrom([], ['cve=CVE-1']),
    prober: address,
  })
  .map(({ stages, observed, prober, ...rest }) => ({
    ...rest,
    stages: stages.map((one, i) => ({
      server: 's',
      shield: rest.shields[i]?.id ?? '',
      stage: one as CompileInput['stages'][number]['stage'],
    })),
    observed: new Map([['s', observed]]),
    controllers: [{ address: '192.0.2.200', port: 7443 }],
    probers: [prober],
  }));

/** Nearest wins for tier and site, labels add up. */
function inherit(layers: readonly (readonly string[])[]): string[] {
  const nearest = (type: string) =>
    layers.map((layer) => layer.filter((tag) => tag.startsWith(`${type}=`))).find((some) => some.length > 0);
  const labels = layers.flat().filter((tag) => tag.startsWith('label=') || tag.startsWith('cve='));
  return [...(nearest('tier') ?? []), ...(nearest('site') ?? []), ...labels];
}

class Ambiguous extends Error {}

class Twin {
  readonly input: CompileInput;
  constructor(input: CompileInput) {
    this.input = input;
  }

  selects(text: string, caller: Cidr): boolean {
    const { hosts, groups, clusters } = this.input.inventory;
    const expression = parseExpression(text);
    if (text === 'any') return true;
    if (matches(expression, []) && !/\bany\b/.test(text)) throw new Ambiguous(text);
    const host = hosts.find(({ addresses }) => addresses.includes(caller.text));
    const around = groups
      .filter((group) => contains(parseCidr(group.addresses[0] ?? ''), caller))
      .sort((a, b) => parseCidr(b.addresses[0] ?? '').bits - parseCidr(a.addresses[0] ?? '').bits);
    if (!host && around.length === 0) return matches(expression, []);
    const cluster = clusters.find(({ name }) => name === host?.cluster);
    return matches(
      expression,
      inherit([host?.tags ?? [], cluster?.tags ?? [], ...around.map((group) => group.tags)]),
    );
  }

  /** Nodes and control-plane hosts of the server's cluster. */
  isCluster(caller: Cidr): boolean {
    const { hosts, clusters } = this.input.inventory;
    const host = hosts.find(({ addresses }) => addresses.includes(caller.text));
    if (host?.name === 'h0') return true;
    if (host?.cluster !== 'c0') return false;
    const own = inherit([host.tags, clusters.find(({ name }) => name === 'c0')?.tags ?? []]);
    return own.includes('tier=node') || own.includes('tier=control-plane');
  }

  verdict(caller: Cidr): Verdict {
    const { policy, shields, stages, probers, inventory, observed } = this.input;
    const server = inherit([
      [...(observed.get('s') ?? [])],
      inventory.servers[0]?.tags ?? [],
      inventory.hosts[0]?.tags ?? [],
      inventory.clusters[0]?.tags ?? [],
    ]);
    const people = (tiers: readonly string[]): Verdict | undefined => {
      for (const tier of tiers) {
        for (const rule of policy.rules) {
          if (rule.tier !== tier || !matches(parseExpression(rule.to), server)) continue;
          if (this.selects(rule.from, caller)) return rule.action;
        }
      }
      return undefined;
    };
    const first = people(['break-glass']);
    if (first) return first;
    if (probers.includes(caller.text) || this.isCluster(caller)) return 'pass';
    const at = (wanted: string) =>
      shields.filter(({ id }) => stages.some(({ shield, stage }) => shield === id && stage === wanted));
    const ordinary = people(['security', 'platform', 'default']) ?? policy.default;
    const narrowed = at('inspect').length > 0 && ordinary === 'pass' ? 'steer' : ordinary;
    const blocking = at('block');
    if (blocking.length === 0) return narrowed;
    const passed = blocking.every(({ firstResponse }) =>
      firstResponse.pass.some((text) => this.selects(text, caller)),
    );
    const closed = blocking.every(({ firstResponse }) => firstResponse.action === 'drop') ? 'drop' : 'deny';
    if (!passed) return closed;
    // Of those that the shields pass, a rule of people decides; the default only where it opens.
    return people(['security', 'platform', 'default']) || policy.default === 'pass' ? narrowed : closed;
  }
}

test('compiled plans mean what the twin says, caller by caller', () => {
  const seen = { compiled: 0, lockedOut: 0, ambiguous: 0 };
  fc.assert(
    fc.property(inputs, (input) => {
      const twin = new Twin(input);
      const needed = callers
        .map((text) => parseCidr(text))
        .filter((caller) => input.probers.includes(caller.text) || twin.isCluster(caller));
      try {
        const plan = compile(input).agents.get('h0');
        const service = plan?.services[0] ?? assert.fail('no service');
        for (const caller of callers) {
          assert.equal(evaluate(service, caller).verdict, twin.verdict(parseCidr(caller)), caller);
        }
        for (const caller of needed) assert.equal(evaluate(service, caller.text).verdict, 'pass');
        for (const path of plan?.keepOpen ?? []) {
          if (path.name === 'controller') continue;
          for (const prefix of path.from) assert.equal(evaluate(service, prefix).verdict, 'pass', path.name);
        }
        seen.compiled++;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.code === 'plan-locks-out') {
          assert.ok(
            needed.some((caller) => twin.verdict(caller) !== 'pass'),
            error.message,
          );
          seen.lockedOut++;
        } else {
          assert.equal(error.code, 'bad-expression', error.message);
          assert.match(error.message, /addresses that have no tags/);
          seen.ambiguous++;
        }
      }
    }),
    { numRuns: 600 },
  );
  assert.ok(seen.compiled > 100 && seen.lockedOut > 5 && seen.ambiguous > 50, JSON.stringify(seen));
});
