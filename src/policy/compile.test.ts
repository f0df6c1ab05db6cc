import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import type { ProtectedService } from '../model/plan.ts';
import { AgentPlan, GatePlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type CompileInput, compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { planLimits } from './limits.ts';

const developer = '192.0.2.10';
const stranger = '203.0.113.7';
const breakGlass = '192.0.2.99';
const monitoring = '192.0.2.50';
const node = '10.0.0.2';
const prober = '10.9.0.1';

function inventory() {
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod', tags: ['site=berlin'] }, { name: 'lab' }],
    hosts: [
      { name: 'cp-1', addresses: ['10.0.0.1', '2001:db8::1'], cluster: 'prod', tags: ['tier=control-plane'] },
      { name: 'worker-1', addresses: [node], cluster: 'prod', tags: ['tier=node'] },
      { name: 'bastion', addresses: ['10.0.0.3'], cluster: 'prod', tags: ['tier=bastion'] },
      { name: 'lab-cp', addresses: ['10.1.0.1'], cluster: 'lab', tags: ['tier=control-plane'] },
    ],
    servers: [
      {
        name: 'api-1',
        cluster: 'prod',
        host: 'cp-1',
        address: '10.0.0.1',
        also: [
          { address: '10.96.0.1', port: 443 },
          { address: '10.0.0.1', port: 6443 },
        ],
        tags: ['application=payments'],
      },
      {
        name: 'lab-api',
        cluster: 'lab',
        host: 'lab-cp',
        address: '10.1.0.1',
        gatePort: 17443,
        probe: { serverName: 'kubernetes' },
      },
    ],
    groups: [
      { name: 'developers', addresses: ['192.0.2.0/26'], tags: ['application=dev', 'site=paris'] },
      { name: 'monitoring', addresses: [monitoring], tags: ['tier=monitoring'] },
      { name: 'break-glass', addresses: [breakGlass], tags: ['tier=break-glass'] },
    ],
  });
}

function shield(id: string, firstResponse: Partial<Shield['firstResponse']> = {}): Shield {
  return {
    apiVersion: 'portcullis/v1',
    kind: 'Shield',
    id,
    title: id,
    tier: 1,
    severity: 'critical',
    component: 'kube-apiserver',
    description: 'A flaw.',
    firstResponse: { pass: [], action: 'deny', ...firstResponse },
    deeperDefense: {
      rules: [
        {
          id: 'cut',
          phase: 'upgrade',
          when: 'true',
          action: 'close-client-and-server',
          severity: 'critical',
          message: 'Cut.',
        },
      ],
    },
    lift: { when: ['version'] },
    falsePositives: 'None.',
    references: ['https://example.org/'],
    tests: [],
  };
}

const doors = [{ id: 'doors', tier: 'break-glass', from: 'tier=break-glass', to: 'any', action: 'pass' }];

type Case = {
  rules?: readonly object[];
  default?: string;
  shields?: readonly Shield[];
  stages?: CompileInput['stages'];
  controllers?: CompileInput['controllers'];
  observed?: CompileInput['observed'];
  inventory?: Inventory;
  enrolled?: readonly string[];
};

function input(overrides: Case = {}): CompileInput {
  return {
    inventory: overrides.inventory ?? inventory(),
    policy: Policy.parse({
      apiVersion: 'portcullis/v1',
      rules: overrides.rules ?? doors,
      default: overrides.default ?? 'pass',
    }),
    shields: overrides.shields ?? [shield('CVE-2018-1002105')],
    observed: overrides.observed ?? new Map(),
    stages: overrides.stages ?? [],
    controllers: overrides.controllers ?? [{ address: prober, port: 7443 }],
    probers: [prober],
    ...(overrides.enrolled ? { enrolled: overrides.enrolled } : {}),
  };
}

function service(plans: ReturnType<typeof compile>, server = 'api-1'): ProtectedService {
  const all = [...plans.agents.values()].flatMap(({ services }) => services);
  return all.find((one) => one.server === server) ?? assert.fail(`no service of ${server}`);
}

function at(stage: 'observe' | 'block' | 'inspect' | 'lifted', id = 'CVE-2018-1002105') {
  return { server: 'api-1', shield: id, stage };
}

/** [from, verdict, rule] of new connections to api-1. */
type Row = readonly [string, string, string];

function judge(overrides: Case, rows: readonly Row[]): void {
  const compiled = service(compile(input(overrides)));
  for (const [from, verdict, rule] of rows) {
    assert.deepEqual(evaluate(compiled, from), { verdict, rule }, from);
  }
}

const alwaysOpen: readonly Row[] = [
  [breakGlass, 'pass', 'policy/doors'],
  [prober, 'pass', 'portcullis/controller'],
  [node, 'pass', 'portcullis/control-plane'],
  ['10.0.0.1', 'pass', 'portcullis/control-plane'],
  ['2001:db8::1', 'pass', 'portcullis/control-plane'],
];

const people = [
  ...doors,
  { id: 'no-bastion', from: 'tier=bastion', to: 'cve=CVE-2018-1002105 OR site=berlin', action: 'drop' },
  { id: 'devs', tier: 'platform', from: 'application=dev', to: 'application=payments', action: 'pass' },
  { id: 'elsewhere', from: 'any', to: 'site=tokyo', action: 'deny' },
];

test('observe and lifted leave the callers to people', () => {
  for (const stages of [[], [at('observe')], [at('lifted')]]) {
    judge({ rules: people, stages }, [
      ...alwaysOpen,
      ['10.0.0.3', 'drop', 'policy/no-bastion'],
      [developer, 'pass', 'policy/devs'],
      [stranger, 'pass', 'default'],
    ]);
  }
});

test('block denies every remote caller but the break-glass, cluster and pass-listed ones', () => {
  judge({ rules: people, stages: [at('block')] }, [
    ...alwaysOpen,
    ['10.0.0.3', 'deny', 'shield/CVE-2018-1002105/deny'],
    [developer, 'deny', 'shield/CVE-2018-1002105/deny'],
    [stranger, 'deny', 'shield/CVE-2018-1002105/deny'],
    ['10.1.0.1', 'deny', 'shield/CVE-2018-1002105/deny'],
    ['2001:db8::9', 'deny', 'shield/CVE-2018-1002105/deny'],
  ]);
  const passing = shield('CVE-2018-1002105', { pass: ['tier=monitoring', 'tier=nobody'], action: 'drop' });
  judge({ shields: [passing], stages: [at('block')] }, [
    ...alwaysOpen,
    [monitoring, 'pass', 'shield/CVE-2018-1002105/pass'],
    [developer, 'drop', 'shield/CVE-2018-1002105/deny'],
  ]);
});

test('inspect steers every remote caller whom people do not refuse', () => {
  judge({ rules: people, stages: [at('inspect')] }, [
    ...alwaysOpen,
    ['10.0.0.3', 'drop', 'policy/no-bastion'],
    [developer, 'steer', 'policy/devs'],
    [stranger, 'steer', 'shield/CVE-2018-1002105/steer'],
  ]);
  judge({ rules: people, stages: [at('inspect')], default: 'deny' }, [
    ...alwaysOpen,
    [developer, 'steer', 'policy/devs'],
    [stranger, 'deny', 'default'],
  ]);
});

test('a shield never opens what people closed', () => {
  const passing = shield('CVE-2018-1002105', { pass: ['tier in (monitoring, bastion)'] });
  judge({ rules: people, shields: [passing], stages: [at('block')] }, [
    [monitoring, 'pass', 'policy/devs'], // inside the developers' network: it inherits application=dev
    ['10.0.0.3', 'drop', 'policy/no-bastion'],
  ]);
  judge({ shields: [passing], stages: [at('block')], default: 'drop' }, [
    ...alwaysOpen,
    [monitoring, 'deny', 'shield/CVE-2018-1002105/deny'],
  ]);
});

test('of several shields, one exception is none from another', () => {
  const a = shield('CVE-0000-0001', { pass: ['tier=monitoring', 'application=dev'] });
  const b = shield('CVE-0000-0002', { pass: ['tier=monitoring'], action: 'drop' });
  const c = shield('CVE-0000-0003');
  judge({ shields: [b, a], stages: [at('block', a.id), at('block', b.id)] }, [
    [monitoring, 'pass', 'shield/CVE-0000-0001/pass'],
    [developer, 'deny', 'shield/CVE-0000-0001/deny'],
  ]);
  judge({ shields: [a, b, c], stages: [at('inspect', c.id), at('block', b.id), at('lifted', a.id)] }, [
    ...alwaysOpen,
    [monitoring, 'steer', 'shield/CVE-0000-0003/steer'],
    [developer, 'drop', 'shield/CVE-0000-0002/deny'],
  ]);
});

test('a shield on one server leaves the others alone', () => {
  const lab = service(compile(input({ stages: [at('block')] })), 'lab-api');
  assert.deepEqual(evaluate(lab, stranger), { verdict: 'pass', rule: 'default' });
  assert.equal(lab.stage, 'observe');
});

test('observed tags reach the rules of their server only', () => {
  const rules = [...doors, { id: 'flawed', from: 'any', to: 'k8s-version < 1.12.3', action: 'deny' }];
  const observed = new Map([['api-1', ['k8s-version=1.12.2']]]);
  const plans = compile(input({ rules, observed }));
  assert.equal(evaluate(service(plans), stranger).rule, 'policy/flawed');
  assert.equal(evaluate(service(plans, 'lab-api'), stranger).rule, 'default');
});

test('an expression that selects nothing matches nobody', () => {
  const rules = [...doors, { id: 'ghosts', from: 'site=atlantis', to: 'any', action: 'deny' }];
  const plans = compile(input({ rules }));
  const rule = service(plans).rules.find(({ id }) => id === 'policy/ghosts');
  assert.deepEqual(rule?.from, []);
  assert.equal(evaluate(service(plans), stranger).verdict, 'pass');
  assert.ok(plans.warnings.some((warning) => warning.includes("'ghosts'")));
});

test('any reaches addresses that nobody named; a bare negative is refused', () => {
  const rules = [...doors, { id: 'paris-only', from: 'any AND NOT site=paris', to: 'any', action: 'deny' }];
  const withoutCluster = rules.map((rule) => ({
    ...rule,
    tier: rule.id === 'doors' ? 'break-glass' : 'security',
  }));
  judge({ rules: withoutCluster }, [
    [stranger, 'deny', 'policy/paris-only'],
    ['10.0.0.3', 'deny', 'policy/paris-only'],
    [developer, 'pass', 'default'],
    [node, 'pass', 'portcullis/control-plane'],
  ]);
  refused(
    { rules: [{ id: 'x', from: 'site!=paris', to: 'any', action: 'deny' }] },
    'bad-expression',
    /rules\[0\]\.from/,
  );
  refused(
    { rules: [{ id: 'x', from: 'any', to: 'nope nope', action: 'deny' }] },
    'bad-expression',
    /rules\[0\]\.to/,
  );
  judge({ rules: [...doors, { id: 'x', from: 'exists site AND site!=paris', to: 'any', action: 'deny' }] }, [
    [developer, 'pass', 'default'],
    ['10.0.0.3', 'deny', 'policy/x'],
    [stranger, 'pass', 'default'],
  ]);
});

test('agent plans name every way to the server, and what must stay open', () => {
  const plans = compile(input({ stages: [at('block')] }));
  assert.deepEqual([...plans.agents.keys()], ['cp-1', 'lab-cp']);
  const plan = plans.agents.get('cp-1') ?? assert.fail();
  AgentPlan.parse({ ...plan, generation: 1, issuedAt: '2026-01-01T00:00:00Z' });
  assert.deepEqual(plan.services[0]?.endpoints, [
    { address: '10.0.0.1', port: 6443 },
    { address: '10.96.0.1', port: 443 },
  ]);
  assert.equal(plan.services[0]?.id, 'api_1');
  assert.equal(plan.services[0]?.gatePort, 16443);
  const paths = plan.keepOpen.map(
    ({ name, from, to }) => `${name} ${from.join(',')} ${to.address}:${to.port}`,
  );
  assert.deepEqual(paths, [
    'controller 10.0.0.1,2001:db8::1 10.9.0.1:7443',
    'controller-probe 10.9.0.1 10.0.0.1:6443',
    'controller-probe 10.9.0.1 10.96.0.1:443',
    'control-plane 10.0.0.1,10.0.0.2,2001:db8::1 10.0.0.1:6443',
    'control-plane 10.0.0.1,10.0.0.2,2001:db8::1 10.96.0.1:443',
    'break-glass/doors 192.0.2.99 10.0.0.1:6443',
    'break-glass/doors 192.0.2.99 10.96.0.1:443',
  ]);
  assert.deepEqual(
    plan.addressTags.find(({ address }) => address === node),
    { address: node, name: 'worker-1', tags: ['site=berlin', 'tier=node'] },
  );
});

test('gates listen while a shield blocks, inspects or was lifted, with the rules that are due', () => {
  const rows: readonly [CompileInput['stages'], number, readonly string[]][] = [
    [[], 0, []],
    [[at('observe')], 0, []],
    [[at('block')], 1, ['CVE-2018-1002105']],
    [[at('inspect')], 1, ['CVE-2018-1002105']],
    [[at('lifted')], 1, []],
  ];
  for (const [stages, listeners, shields] of rows) {
    const plan = compile(input({ stages })).gates.get('cp-1') ?? assert.fail();
    GatePlan.parse({ ...plan, generation: 1, issuedAt: '2026-01-01T00:00:00Z' });
    assert.equal(plan.listeners.length, listeners);
    assert.deepEqual(
      plan.listeners.flatMap((listener) => listener.shields.map(({ id }) => id)),
      shields,
    );
  }
  const observed = new Map([['api-1', ['patch=missing']]]);
  const [listener] = compile(input({ stages: [at('inspect')], observed })).gates.get('cp-1')?.listeners ?? [];
  assert.deepEqual(listener?.listen, { address: '0.0.0.0', port: 16443 });
  assert.deepEqual(listener?.upstream, { address: '10.0.0.1', port: 6443, serverName: '10.0.0.1' });
  assert.deepEqual(listener?.serverTags, [
    'application=payments',
    'cluster=prod',
    'host=cp-1',
    'patch=missing',
    'server=api-1',
    'site=berlin',
    'tier=control-plane',
  ]);
});

test('a rule of people that steers has a gate to steer to', () => {
  const rules = [
    ...doors,
    { id: 'look', from: 'application=dev', to: 'application=payments', action: 'steer' },
  ];
  const plans = compile(input({ rules }));
  assert.equal(plans.gates.get('cp-1')?.listeners.length, 1);
  assert.equal(plans.gates.get('lab-cp')?.listeners.length, 0);
});

test('equal input gives equal plans, whatever order the inventory is in', () => {
  const stages = [at('block')];
  const turned = inventory();
  turned.hosts.reverse();
  turned.servers.reverse();
  turned.groups.reverse();
  const text = (plans: ReturnType<typeof compile>): string =>
    canonicalJson({ agents: [...plans.agents], gates: [...plans.gates] });
  assert.equal(
    text(compile(input({ stages, rules: people }))),
    text(compile(input({ stages, rules: people, inventory: turned }))),
  );
  assert.notEqual(text(compile(input({ stages }))), text(compile(input({ stages: [at('inspect')] }))));
});

function refused(overrides: Case, code: string, place: RegExp, message = /./): void {
  assert.throws(
    () => compile(input(overrides)),
    (error: unknown) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.code, code);
      assert.match(error.place ?? '', place);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('a plan that locks out is refused, and says whom and how', () => {
  const early = (from: string, action = 'deny') => [
    { id: 'early', tier: 'break-glass', from, to: 'any', action },
  ];
  refused(
    { rules: early('tier=node') },
    'plan-locks-out',
    /rules\[0\]/,
    /nodes and control-plane hosts.*\(10\.0\.0\.2\).*'api-1'.*'policy\/early' says deny/,
  );
  refused(
    { rules: early('any') },
    'plan-locks-out',
    /rules\[0\]/,
    /the controller that probes it \(10\.9\.0\.1\)/,
  );
  refused({ rules: early('tier=node', 'steer') }, 'plan-locks-out', /rules\[0\]/, /says steer/);
  // The same rule after the control plane's own is no danger.
  compile(input({ rules: [...doors, { id: 'late', from: 'tier=node', to: 'any', action: 'deny' }] }));
});

test('a controller behind a protected endpoint must stay in reach of every agent', () => {
  const controllers = [{ address: '10.96.0.1', port: 443 }];
  refused(
    { controllers, stages: [at('block')] },
    'plan-locks-out',
    /policy/,
    /agents and gates, whose controller is at 10\.96\.0\.1:443, \(10\.1\.0\.1\).*CVE-2018-1002105\/deny/,
  );
  compile(input({ controllers }));
  const agents = { id: 'agents', tier: 'break-glass', from: 'tier=control-plane', to: 'any', action: 'pass' };
  compile(input({ controllers, stages: [at('block')], rules: [...doors, agents] }));
});

test('ports of SSH and etcd, and the controller itself, are not for shields', () => {
  const ssh = inventory();
  ssh.servers[0]?.also.push({ address: '10.0.0.1', port: 22 });
  refused({ inventory: ssh }, 'plan-locks-out', /api-1/, /SSH/);
  for (const [port, owner] of [
    [22, /SSH/],
    [2379, /etcd/],
    [10250, /kubelet/],
  ] as const) {
    const gate = inventory();
    Object.assign(gate.servers[0] ?? {}, { gatePort: port });
    refused({ inventory: gate }, 'plan-locks-out', /gatePort/, owner);
  }
  // A gate takes its port at every address of the host.
  for (const address of ['10.0.0.1', '2001:db8::1']) {
    refused({ controllers: [{ address, port: 16443 }] }, 'plan-locks-out', /gatePort/, /the controller/);
  }
});

test("a controller on a server's port at another address of its host is behind that server's rules too", () => {
  const controllers = [{ address: '2001:db8::1', port: 6443 }];
  refused({ controllers, stages: [at('block')] }, 'plan-locks-out', /policy/, /whose controller is at/);
  compile(input({ controllers: [{ address: '2001:db8::1', port: 7443 }], stages: [at('block')] }));
});

test('a block without a usable break-glass rule is warned of', () => {
  const stages = [at('block')];
  const about = (overrides: Case): string[] =>
    compile(input(overrides)).warnings.filter((warning) => warning.includes('break-glass'));
  assert.match(about({ stages, rules: [] })[0] ?? '', /no break-glass rule/);
  const empty = [{ ...doors[0], from: 'tier=gone' }];
  assert.match(about({ stages, rules: empty })[0] ?? '', /select nobody/);
  assert.deepEqual(about({ stages }), []);
  assert.deepEqual(about({ rules: [] }), []);
});

test('stages of unknown shields are refused while they enforce, and forgotten otherwise', () => {
  refused({ stages: [at('block', 'CVE-0000-0009')] }, 'unknown-shield', /api-1/, /CVE-0000-0009/);
  refused({ stages: [at('inspect', 'CVE-0000-0009')] }, 'unknown-shield', /api-1/);
  compile(input({ stages: [at('lifted', 'CVE-0000-0009'), at('observe', 'CVE-0000-0008')] }));
  compile(input({ stages: [{ server: 'gone', shield: 'CVE-0000-0009', stage: 'block' }] }));
});

test('two rules of one id are refused', () => {
  refused({ rules: [...doors, ...doors] }, 'bad-policy', /rules\[1\]\.id/);
});

test("an enrolled node's agent judges what the node forwards to every server of its cluster", () => {
  const changed = inventory();
  const [api] = changed.servers;
  assert.ok(api);
  changed.hosts.push({
    name: 'cp-2',
    addresses: ['10.0.0.4'],
    cluster: 'prod',
    tags: ['tier=control-plane'],
  });
  const also = [{ address: '10.96.0.1', port: 443 }];
  changed.servers.push({ ...api, name: 'api-2', host: 'cp-2', address: '10.0.0.4', also });
  const made = input({ inventory: changed, enrolled: ['worker-1', 'bastion', 'cp-1', 'unknown'] });
  const { agents } = compile(made);
  // A bastion's own traffic is not the cluster's, so nothing can hide behind it.
  assert.deepEqual([...agents.keys()].sort(), ['cp-1', 'cp-2', 'lab-cp', 'worker-1']);
  const ways = (host: string) =>
    agents.get(host)?.services.map(({ server, gateAddresses, endpoints }) => ({
      server,
      gateAddresses,
      endpoints: endpoints.map(({ address }) => address),
    }));
  const service = '10.96.0.1';
  const first = ['10.0.0.1', '2001:db8::1'];
  assert.deepEqual(ways('worker-1'), [
    { server: 'api-1', gateAddresses: first, endpoints: ['10.0.0.1', service, '2001:db8::1'] },
    { server: 'api-2', gateAddresses: ['10.0.0.4'], endpoints: ['10.0.0.4'] },
  ]);
  assert.deepEqual(ways('cp-2'), [
    { server: 'api-2', gateAddresses: undefined, endpoints: ['10.0.0.4', service] },
    { server: 'api-1', gateAddresses: first, endpoints: first },
  ]);
  for (const body of agents.values()) {
    AgentPlan.parse({ ...body, generation: 1, issuedAt: '2024-01-01T00:00:00.000Z' });
  }
});

test('hosts whose forwarded traffic nobody judges are named while a shield stands', () => {
  const stages = [{ server: 'api-1', shield: 'CVE-1', stage: 'inspect' as const }];
  const warned = (enrolled?: readonly string[]) =>
    compile(input({ stages, shields: [shield('CVE-1')], ...(enrolled ? { enrolled } : {}) })).warnings.filter(
      (warning) => warning.includes('without an agent'),
    );
  assert.equal(warned().length, 0);
  assert.match(warned(['cp-1'])[0] ?? '', /cluster 'prod' .*\(worker-1\)/);
  assert.equal(warned(['worker-1']).length, 0);
  assert.equal(
    compile(input({ enrolled: [] })).warnings.some((text) => text.includes('without')),
    false,
  );
});

test("a server's limits reach its gate, and nobody else's", () => {
  const limited = inventory();
  const [first, ...others] = limited.servers;
  assert.ok(first);
  const servers = [{ ...first, limits: { connectionsPerSource: 7 } }, ...others];
  const { gates } = compile(input({ inventory: { ...limited, servers }, stages: [at('inspect')] }));
  const listeners = [...gates.values()].flatMap((gate) => GatePlan.shape.listeners.parse(gate.listeners));
  assert.deepEqual(
    listeners.map(({ server, limits }) => [server, limits]),
    [['api-1', { connectionsPerSource: 7 }]],
  );
});

test('a plan beyond the limits is refused, with the host and how large it may be', () => {
  const rules = Array.from({ length: planLimits.rules }, (_, i) => ({
    id: `r${i}`,
    from: 'tier=monitoring',
    to: 'server=lab-api',
    action: 'pass',
  }));
  refused({ rules: [...doors, ...rules] }, 'plan-too-large', /^host lab-cp$/, /may have 20000/);
});
