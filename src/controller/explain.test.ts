// Explanations: the same answer as the reference evaluator and the packet tracer, and reasons that are true.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { memoryLog } from '../log/memory.ts';
import { Inventory } from '../model/inventory.ts';
import type { AgentPlan } from '../model/plan.ts';
import { Policy, type Verdict } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { buildTable } from '../nft/build.ts';
import { traceConnection } from '../nft/trace.ts';
import { addressBook } from '../policy/address-book.ts';
import { type CompileInput, compile } from '../policy/compile.ts';
import { evaluate } from '../policy/evaluate.ts';
import { explain } from '../policy/explain.ts';
import { serviceGroups } from '../policy/groups.ts';
import { createParties } from '../policy/parties.ts';
import { serverTags } from '../policy/tags.ts';
import { address, combinations, inventory, policies } from '../policy/testing/random-policies.ts';
import { expiryKey, writtenRules } from '../policy/written-rules.ts';
import { openCore } from './core.ts';
import { putDocuments } from './documents.ts';
import { explainPath } from './explain.ts';

const shield = {
  id: 'CVE-A-001',
  firstResponse: { pass: ['site=a'], action: 'deny' },
  deeperDefense: { rules: [] },
} as unknown as Shield;
const stages = fc.constantFrom('observe', 'observe', 'block', 'inspect') as fc.Arbitrary<
  'observe' | 'block' | 'inspect'
>;
const callers = [...combinations.map((_, i) => address(i)), '10.0.0.2', '198.51.100.1', '2001:db8::1'];
const traced: Readonly<Record<string, Verdict>> = {
  direct: 'pass',
  steered: 'steer',
  reset: 'deny',
  drop: 'drop',
};

test('explanation, evaluator and tracer agree on random policies, callers and servers', () => {
  const met = new Map<string, number>();
  const meet = (what: string) => void met.set(what, (met.get(what) ?? 0) + 1);
  fc.assert(
    fc.property(policies, stages, fc.nat(combinations.length - 1), (policy, stage, at) => {
      const server = `s${at}`;
      const expired = new Set(
        writtenRules(policy).flatMap(({ rule }, i) =>
          i % 2 === 0 && rule.expires === '2026-01-01T00:00:00Z' ? (expiryKey(rule) ?? []) : [],
        ),
      );
      const input: CompileInput = {
        inventory,
        policy,
        shields: [shield],
        observed: new Map(),
        stages: [{ server, shield: shield.id, stage }],
        controllers: [],
        probers: ['203.0.113.9'],
        expired,
      };
      let plan: AgentPlan;
      try {
        const body = compile(input).agents.get(`h${at}`) ?? assert.fail();
        plan = { ...body, generation: 1, issuedAt: '2026-01-01T00:00:00Z' };
      } catch (error) {
        assert.ok(error instanceof Failure && error.code === 'plan-locks-out');
        meet('locked out');
        return;
      }
      const service = plan.services[0] ?? assert.fail();
      const book = addressBook(inventory);
      const context = {
        service,
        target: {
          name: server,
          tags: serverTags(inventory, new Map()).get(server) ?? [],
          service: 'api',
          port: 6443,
        },
        policy,
        expired,
        book,
        groups: serviceGroups(inventory),
      };
      const own = `10.0.0.${at + 1}`;
      const table = buildTable(plan, { localAddresses: [own] });
      const nameOf = createParties(book.entries);
      for (const from of callers) {
        if (from === own) continue;
        const want = evaluate(service, from);
        const found = explain(context, from, nameOf(from).tags);
        assert.deepEqual({ verdict: found.verdict, rule: found.rule }, want, from);
        if (!from.includes(':')) {
          assert.equal(
            traced[traceConnection(table, { from, to: own, port: 6443 }).request],
            want.verdict,
            from,
          );
        }
        const last = found.steps.at(-1);
        assert.deepEqual([last?.decides, last?.rule, last?.verdict], [true, want.rule, want.verdict]);
        assert.ok(found.steps.slice(0, -1).every(({ decides }) => !decides));
        assert.equal(new Set(found.steps.map(({ rule }) => rule)).size, found.steps.length);
        for (const { why } of found.steps) {
          assert.ok(why.length > 0 && !why.includes('undefined'));
          for (const kind of [
            'for the server:',
            'from fails',
            'to fails',
            'match fails',
            'in block',
            'its set',
            'not one of',
            'it expired at',
          ])
            if (why.includes(kind)) meet(kind);
        }
        meet(want.verdict);
      }
    }),
    { numRuns: 160 },
  );
  for (const [what, times] of [...met].filter(([what]) => what !== 'locked out'))
    assert.ok(times > 20, `${what}: ${times}`);
  assert.ok(met.size >= 12, JSON.stringify([...met]));
});

const world = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'prod', tags: ['deployment=prod'], protect: ['kubelet'] }],
  hosts: [
    { name: 'cp', cluster: 'prod', addresses: ['10.0.0.1'], tags: ['site=berlin'] },
    { name: 'node', cluster: 'prod', addresses: ['10.0.0.2'], tags: ['tier=node'] },
  ],
  servers: [
    {
      name: 'prod/cp',
      cluster: 'prod',
      host: 'cp',
      address: '10.0.0.1',
      also: [{ address: '10.96.0.1', port: 443 }],
    },
  ],
  groups: [
    { name: 'office', addresses: ['10.9.0.0/16'], tags: ['site=paris', 'label=people'] },
    { name: 'lab', addresses: ['10.9.9.0/24'], tags: ['label=lab'] },
  ],
  serviceGroups: [
    { name: 'kubelets', ports: [10250] },
    { name: 'everything', ports: [6443, 10250] },
  ],
});
const rule = (id: string, more: object) => ({ id, from: 'any', to: 'any', action: 'deny', ...more });
const policy = Policy.parse({
  apiVersion: 'portcullis/v1',
  sets: [
    {
      name: 'old',
      servers: 'k8s-version < 1.13',
      owner: 'platform',
      policies: [
        { name: 'p', rules: [rule('old', {}), rule('lapsed', { expires: '2025-12-31T23:59:59Z' })] },
      ],
    },
    {
      name: 'base',
      policies: [
        {
          name: 'p',
          owner: 'ana',
          rules: [
            rule('kubelet', { service: 'kubelet' }),
            rule('staging', { to: 'deployment=staging' }),
            rule('labs', { from: 'label=lab AND NOT label=people' }),
            rule('same-site', { match: ['site'], action: 'pass' }),
            rule('people', { from: 'label=people', action: 'steer', reason: 'through the gate' }),
          ],
        },
      ],
    },
  ],
});

describe('what is told', () => {
  const clock = { now: () => Date.parse('2026-01-01T00:00:00Z'), mono: () => 0 };
  const core = openCore({
    log: memoryLog(clock),
    knowledge: { shields: [], advisories: [], assess: () => ({ exposures: [], tags: [] }) },
    clock,
    controllers: [],
    probers: ['203.0.113.9'],
    note: () => {},
  });
  putDocuments(core, { inventory: world, policy }, 'user:a');

  test('every rule that was passed over says the one thing that kept it from deciding', () => {
    const answer = explainPath(core, { from: '10.9.9.7', to: 'prod/cp' });
    const [told] = answer.callers;
    assert.equal(told?.verdict, 'steer');
    assert.deepEqual(
      told?.steps.map(({ rule: id, why }) => `${id}: ${why}`),
      [
        'portcullis/controller: not one of: the controller probes the server from here',
        'portcullis/control-plane: not one of: nodes and control-plane hosts of its cluster',
        "policy/old: its set 'old' is not for this server: k8s-version < 1.13.0 is false",
        'policy/lapsed: it expired at 2025-12-31T23:59:59Z',
        "policy/kubelet: it is about the service 'kubelet'",
        'policy/staging: to fails for the server: deployment=staging is false',
        'policy/labs: from fails: label=people is true',
        'policy/same-site: match fails: site is paris here and berlin at the server',
        'policy/people: label=people holds',
      ],
    );
    const last = told?.steps.at(-1);
    assert.deepEqual(
      [last?.owner, last?.reason, last?.place],
      ['ana', 'through the gate', 'sets[1].policies[0].rules[4]'],
    );
    assert.deepEqual(told?.from.tags, [
      { tag: 'label=lab', object: 'group/lab', kind: 'declared' },
      { tag: 'label=people', object: 'group/office', kind: 'declared' },
      { tag: 'site=paris', object: 'group/office', kind: 'declared' },
    ]);
    assert.ok(answer.tags.some(({ tag, object }) => tag === 'deployment=prod' && object === 'cluster/prod'));
  });

  test('a caller that nobody named meets the default; a node passes', () => {
    const [stranger] = explainPath(core, { from: '198.51.100.1', to: '10.96.0.1:443' }).callers;
    assert.deepEqual(
      [stranger?.verdict, stranger?.rule, stranger?.from.name],
      ['pass', 'default', 'unknown'],
    );
    const [node] = explainPath(core, { from: 'node', to: '10.0.0.1' }).callers;
    assert.deepEqual([node?.verdict, node?.rule], ['pass', 'portcullis/control-plane']);
  });

  test("a host's own services are explained by their names and addresses", () => {
    for (const [to, service, server] of [
      ['prod/cp', 'kubelet', 'kubelet/cp'],
      ['cp', 'kubelet', 'kubelet/cp'],
      ['cp', '10250', 'kubelet/cp'],
      ['10.0.0.1', 'kubelets', 'kubelet/cp'],
      ['kubelet/cp', 'kubelet-read-only', 'kubelet-read-only/cp'],
      ['cp', '6443', 'prod/cp'],
      ['10.96.0.1', 'api', 'prod/cp'],
    ] as const) {
      assert.equal(explainPath(core, { from: 'lab', to, service }).server, server, `${to} ${service}`);
    }
    for (const [to, service, hint] of [
      ['cp', 'etcd', /judges prod\/cp \(6443, 443\), kubelet\/cp \(10250\)/],
      ['cp', '22', /everything else passes/],
      ['node', 'kubelet', /has no agent/],
      ['nowhere', 'kubelet', /name of a server/],
    ] as const) {
      assert.throws(
        () => explainPath(core, { from: 'lab', to, service }),
        (error: unknown) =>
          error instanceof Failure && error.code === 'unknown-server' && hint.test(error.hint ?? ''),
        `${to} ${service}`,
      );
    }
    assert.throws(() => explainPath(core, { from: 'lab', to: 'cp', service: 'everything' }), {
      code: 'bad-request',
      message: /prod\/cp or kubelet\/cp/,
    });
    for (const to of ['kubelet/cp', '10.0.0.1:10250']) {
      const answer = explainPath(core, { from: '10.9.1.1', to });
      assert.equal(answer.server, 'kubelet/cp');
      assert.deepEqual([answer.callers[0]?.verdict, answer.callers[0]?.rule], ['deny', 'policy/kubelet']);
      assert.equal(answer.callers[0]?.steps[0]?.why, 'not one of: hosts of the API servers');
    }
  });

  test('an expression is told rule by rule, with the ranges that are alike', () => {
    const { callers: told } = explainPath(core, { from: 'any', to: 'prod/cp' });
    assert.deepEqual(
      told.map(({ rule: id, from }) => `${id} ${from.address}`),
      [
        'default 0.0.0.0',
        'portcullis/controller 203.0.113.9',
        'portcullis/control-plane 10.0.0.1',
        'policy/people 10.9.0.0',
      ],
    );
    assert.deepEqual(told[3]?.alike, ['10.9.0.0-10.9.255.255']);
    assert.equal(explainPath(core, { from: 'office', to: 'prod/cp' }).callers.length, 1);
  });

  for (const [from, to, code] of [
    ['10.9.9.7', 'nowhere', 'unknown-server'],
    ['10.9.9.7', '10.96.0.1:6443', 'unknown-server'],
    ['site=', 'prod/cp', 'bad-expression'],
    ['site=rome', 'prod/cp', 'bad-request'],
  ] as const) {
    test(`refused: ${from} → ${to}`, () => {
      assert.throws(() => explainPath(core, { from, to }), { code });
    });
  }
});
