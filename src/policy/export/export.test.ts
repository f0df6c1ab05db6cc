// What is exported means what the reference evaluator says: each kind of policy is read back by a dumb evaluator of its own
// documented semantics. Golden files hold the form: UPDATE_GOLDEN=1 writes them anew.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAllDocuments, stringify } from 'yaml';
import { contains, parseCidr } from '../../base/cidr.ts';
import { ExportTarget } from '../../model/export.ts';
import { Inventory } from '../../model/inventory.ts';
import type { ProtectedService } from '../../model/plan.ts';
import { Policy } from '../../model/policy.ts';
import { compile } from '../compile.ts';
import { evaluate } from '../evaluate.ts';
import { rulesInForce } from '../written-rules.ts';
import { type ExportInput, exportPolicy } from './export.ts';

type Block = { cidr: string; except?: string[] };
type NetworkPolicy = { spec: { ingress: { from: { ipBlock: Block }[]; ports: { port: number }[] }[] } };
type CalicoRule = { action: string; source?: { nets: string[] }; destination?: { ports: number[] } };
type Calico = { kind: string; spec: { ingress: CalicoRule[] } };
type Cilium = { spec: { ingressDeny: { fromCIDRSet: Block[]; toPorts: { ports: { port: string }[] }[] }[] } };

const holds = (prefix: string, caller: string) => contains(parseCidr(prefix), parseCidr(caller));

const inBlock = ({ cidr, except = [] }: Block, caller: string) =>
  holds(cidr, caller) && !except.some((one) => holds(one, caller));

/** Does a new TCP connection from the caller to the port come through? By each project's own words. */
const admits: Record<ExportTarget, (objects: readonly unknown[], caller: string, port: number) => boolean> = {
  // "Allowed connections are the union of what the policies allow"; ipBlock.except is taken out of cidr.
  networkpolicy: (objects, caller, port) =>
    (objects as NetworkPolicy[]).some(({ spec }) =>
      spec.ingress.some(
        (rule) =>
          rule.ports.some((one) => one.port === port) &&
          rule.from.some(({ ipBlock }) => inBlock(ipBlock, caller)),
      ),
    ),
  // Rules in order, the first that matches decides; a HostEndpoint with a policy and no match denies.
  calico: (objects, caller, port) => {
    const policy = (objects as Calico[]).find(({ kind }) => kind === 'GlobalNetworkPolicy');
    const rule = policy?.spec.ingress.find(
      ({ source, destination }) =>
        (destination?.ports.includes(port) ?? true) &&
        (source?.nets.some((net) => holds(net, caller)) ?? true),
    );
    return rule?.action === 'Allow';
  },
  // A denial beats everything; without default deny the rest comes through.
  cilium: (objects, caller, port) =>
    !(objects as Cilium[]).some(({ spec }) =>
      spec.ingressDeny.some(
        (rule) =>
          rule.toPorts.some(({ ports }) => ports.some((one) => one.port === String(port))) &&
          rule.fromCIDRSet.some((block) => inBlock(block, caller)),
      ),
    ),
};

const server: ExportInput['server'] = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'prod' }],
  servers: [{ name: 'prod/cp-1', cluster: 'prod', host: 'cp-1', address: '10.0.0.1' }],
}).servers[0] as ExportInput['server'];

const address = (n: number, six: boolean) => (six ? `2001:db8::${n.toString(16)}` : `10.0.0.${n}`);
const prefix = fc
  .tuple(fc.boolean(), fc.nat(15), fc.nat(4))
  .map(([six, n, bits]) => `${address((n >> bits) << bits, six)}/${(six ? 128 : 32) - bits}`);
const verdict = fc.constantFrom('pass', 'pass', 'deny', 'drop', 'steer');
const services = fc.record({
  rules: fc.array(
    fc.record({
      from: fc.oneof(fc.array(prefix, { maxLength: 3 }), fc.constant<string[]>(['0.0.0.0/0', '::/0'])),
      verdict,
    }),
    { maxLength: 5 },
  ),
  default: verdict,
});
const callers = [
  ...Array.from({ length: 16 }, (_, n) => [address(n, false), address(n, true)]).flat(),
  '192.0.2.1',
  '2001:db8:ffff::1',
];

test('every target lets in whom the reference evaluator passes, and nobody else', () => {
  let through = 0;
  fc.assert(
    fc.property(services, (random) => {
      const service = {
        id: 's',
        server: server.name,
        stage: 'observe',
        endpoints: [{ address: '10.0.0.1', port: 6443 }],
        default: random.default,
        rules: random.rules.map((rule, i) => ({
          id: `r${i}`,
          tier: 'security',
          because: '',
          log: false,
          from: rule.from.map((text) => parseCidr(text).text),
          verdict: rule.verdict,
        })),
      } as ProtectedService;
      const input: ExportInput = { service, server, hostAddresses: ['10.0.0.1'], written: [] };
      for (const to of ExportTarget.options) {
        const { objects, cannot } = exportPolicy(to, [input]);
        for (const caller of callers) {
          const expected = evaluate(service, caller).verdict === 'pass';
          assert.equal(admits[to](objects, caller, 6443), expected, `${to}: ${caller}`);
          if (expected) through++;
        }
        const steered = service.rules.filter((rule) => rule.verdict === 'steer').map(({ id }) => id);
        for (const id of steered)
          assert.ok(
            cannot.some(({ what }) => what.startsWith(`rule ${id} `)),
            id,
          );
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(through > 1000, `${through}`);
});

test('other ports of the host stay as they were, where the target knows hosts', () => {
  const service = { rules: [], default: 'deny', server: server.name } as unknown as ProtectedService;
  const input: ExportInput = { service, server, hostAddresses: ['10.0.0.1'], written: [] };
  for (const to of ['calico', 'cilium'] as const) {
    const { objects } = exportPolicy(to, [input]);
    assert.equal(admits[to](objects, '192.0.2.1', 22), true, to);
    assert.equal(admits[to](objects, '192.0.2.1', 6443), false, to);
  }
});

test('the form is what the golden files hold', () => {
  const inventory = Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod' }],
    hosts: [
      { name: 'cp-1', cluster: 'prod', addresses: ['10.0.0.1', '2001:db8::1'], tags: ['tier=control-plane'] },
      { name: 'node-1', cluster: 'prod', addresses: ['10.0.0.11'], tags: ['tier=node'] },
    ],
    servers: [{ name: 'prod/cp-1', cluster: 'prod', host: 'cp-1', address: '10.0.0.1' }],
    groups: [
      { name: 'developers', addresses: ['192.0.2.0/24', '2001:db8:d::/64'] },
      { name: 'contractors', addresses: ['192.0.2.64/27'] },
    ],
  });
  const policy = Policy.parse({
    apiVersion: 'portcullis/v1',
    default: 'deny',
    rules: [
      { id: 'no-contractors', from: 'group=contractors', to: 'any', action: 'drop' },
      {
        id: 'developers',
        from: 'group=developers',
        to: 'any',
        action: 'pass',
        expires: '2030-01-01T00:00:00Z',
      },
      { id: 'auditors', from: 'group=contractors', to: 'any', action: 'steer' },
    ],
  });
  const plans = compile({
    inventory,
    policy,
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [{ address: '10.9.0.1', port: 7443 }],
    probers: ['10.9.0.1'],
  });
  const [service] = plans.agents.get('cp-1')?.services ?? [];
  const [own] = inventory.servers;
  assert.ok(service && own);
  const input = {
    service,
    server: own,
    hostAddresses: ['10.0.0.1', '2001:db8::1'],
    written: rulesInForce(policy),
  };
  for (const to of ExportTarget.options) {
    const { objects, cannot } = exportPolicy(to, [input]);
    const text = [{ cannot }, ...objects]
      .map((one) => stringify(one, { aliasDuplicateObjects: false }))
      .join('---\n');
    const file = join(import.meta.dirname, `golden-${to}.yaml`);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'), `${file}: UPDATE_GOLDEN=1 writes it anew`);
    assert.equal(parseAllDocuments(text).length, objects.length + 1);
  }
});
