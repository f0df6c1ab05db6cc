import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type CompileInput, compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { checkInventory } from './inventory.ts';

type More = Pick<CompileInput, 'stages' | 'shields'> & { readonly settings?: readonly object[] };

function compiled(
  cluster: object,
  rules: readonly object[] = [],
  controllers = [{ address: '10.0.5.5', port: 7443 }],
  { stages, shields, settings = [] }: More = { stages: [], shields: [] },
) {
  return compile({
    inventory: Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'prod', ...cluster }, { name: 'other' }],
      hosts: [
        {
          name: 'cp-1',
          cluster: 'prod',
          addresses: ['10.0.0.1', '2001:db8::1'],
          tags: ['tier=control-plane'],
        },
        { name: 'node-1', cluster: 'prod', addresses: ['10.0.0.11'], tags: ['tier=node', 'zone=a'] },
        { name: 'other-1', cluster: 'other', addresses: ['10.0.1.1'], tags: ['tier=control-plane'] },
      ],
      servers: [
        { name: 'prod/cp-1', cluster: 'prod', host: 'cp-1', address: '10.0.0.1' },
        { name: 'other/api', cluster: 'other', host: 'other-1', address: '10.0.1.1' },
      ],
      groups: [{ name: 'metrics', addresses: ['10.0.7.0/28'], tags: ['application=metrics'] }],
    }),
    policy: Policy.parse({ apiVersion: 'portcullis/v1', rules, shields: settings }),
    shields,
    observed: new Map(),
    stages,
    controllers,
    probers: [],
    enrolled: ['cp-1', 'node-1', 'other-1'],
  });
}

const everything = { protect: ['kubelet', 'etcd', 'components', 'loopback'] };

test('each host gets the services of its kind, and other clusters none', () => {
  const { agents } = compiled(everything);
  const names = (host: string) =>
    agents
      .get(host)
      ?.services.flatMap(({ server }) => (server.includes('/') ? server : []))
      .sort();
  assert.deepEqual(names('cp-1'), [
    'components/cp-1',
    'etcd/cp-1',
    'kubelet-read-only/cp-1',
    'kubelet/cp-1',
    'prod/cp-1',
  ]);
  assert.deepEqual(names('node-1'), [
    'components/node-1',
    'kubelet-read-only/node-1',
    'kubelet/node-1',
    'prod/cp-1',
  ]);
  assert.deepEqual(names('other-1'), ['other/api']);
  assert.deepEqual(
    ['cp-1', 'node-1', 'other-1'].map((host) => agents.get(host)?.guardLoopback ?? false),
    [true, true, false],
  );
  const kubelet = agents.get('cp-1')?.services.find(({ server }) => server === 'kubelet/cp-1');
  assert.deepEqual(kubelet?.endpoints, [
    { address: '10.0.0.1', port: 10250 },
    { address: '2001:db8::1', port: 10250 },
  ]);
  assert.ok(
    agents
      .get('node-1')
      ?.keepOpen.some(({ name, from }) => name === 'kubelet/node-1' && from.includes('10.0.0.1')),
  );
});

test('rules that name a service open it, at the hosts that they mean', () => {
  const rule = { id: 'm', from: 'application=metrics', to: 'zone=a', service: 'kubelet', action: 'pass' };
  const { agents, warnings } = compiled(everything, [rule]);
  const verdict = (host: string, service: string, from: string) => {
    const found = agents.get(host)?.services.find(({ server }) => server === `${service}/${host}`);
    assert.ok(found);
    return evaluate(found, from).verdict;
  };
  assert.equal(verdict('node-1', 'kubelet', '10.0.7.3'), 'pass');
  assert.equal(verdict('node-1', 'kubelet', '10.0.7.16'), 'deny');
  assert.equal(verdict('cp-1', 'kubelet', '10.0.7.3'), 'deny');
  assert.equal(verdict('node-1', 'kubelet-read-only', '10.0.0.1'), 'drop');
  assert.equal(verdict('node-1', 'components', '10.0.0.11'), 'deny');
  assert.equal(verdict('cp-1', 'etcd', '10.0.0.11'), 'deny');
  assert.equal(verdict('cp-1', 'etcd', '10.0.0.1'), 'pass');
  assert.deepEqual(
    warnings.filter((each) => each.includes("rule 'm'")),
    [],
  );
});

test('nobody shuts an API server out of a kubelet or etcd', () => {
  for (const service of ['kubelet', 'etcd']) {
    const rule = {
      id: 'x',
      tier: 'break-glass',
      from: 'tier=control-plane',
      to: 'any',
      service,
      action: 'deny',
    };
    assert.throws(() => compiled(everything, [rule]), { code: 'plan-locks-out', place: 'policy: rules[0]' });
    // After the rules that are always there it is heard by nobody whom it could hurt.
    assert.ok(compiled(everything, [{ ...rule, tier: 'security' }]));
  }
});

test('a webhook is for API servers alone, and nothing else can be called one', () => {
  const { agents } = compiled({ webhooks: [{ address: '10.244.1.7', port: 8443 }] });
  for (const host of ['cp-1', 'node-1']) {
    const service = agents.get(host)?.services.find(({ server }) => server === 'webhook/prod');
    assert.ok(service);
    assert.deepEqual(
      [evaluate(service, '10.0.0.1').verdict, evaluate(service, '10.244.1.9').verdict],
      ['pass', 'deny'],
    );
  }
  for (const endpoint of [
    { address: '10.0.0.1', port: 6443 },
    { address: '10.0.0.11', port: 10250 },
    { address: '10.0.0.11', port: 22 },
    { address: '10.0.5.5', port: 7443 },
  ]) {
    assert.throws(() => compiled({ webhooks: [endpoint] }), {
      code: 'bad-inventory',
      place: 'clusters[0].webhooks[0]',
    });
  }
});

function shield(id: string, services: readonly string[], pass: readonly string[] = []): Shield {
  return {
    id,
    firstResponse: { services, pass, action: 'deny' },
    deeperDefense: { rules: [] },
  } as unknown as Shield;
}
const kubelet = shield('CVE-2099-0001', ['kubelet', 'kubelet-read-only']);
const at = (server: string, id: string, stage: 'observe' | 'block' | 'lifted' = 'block') => ({
  server,
  shield: id,
  stage,
});

test('a shield at block closes the services of the part that it stands for, on its host alone', () => {
  const shields = [
    kubelet,
    shield('CVE-2099-0002', ['kubelet-health']),
    shield('CVE-2099-0003', ['loopback']),
  ];
  const stages = [
    at('kubelet/node-1', 'CVE-2099-0001'),
    at('kubelet/node-1', 'CVE-2099-0002'),
    at('kube-proxy/cp-1', 'CVE-2099-0003'),
    at('kubelet/cp-1', 'CVE-2099-0001', 'lifted'),
    at('kubelet/other-1', 'CVE-2099-0001', 'observe'),
    // A host that is no longer there.
    at('kubelet/gone', 'CVE-2099-0001'),
  ];
  const rule = { id: 'm', from: 'application=metrics', to: 'any', service: 'kubelet', action: 'pass' };
  const settings = [{ shield: 'CVE-2099-0002', servers: 'tier=control-plane', mode: 'off' }];
  const { agents } = compiled({ protect: ['components'] }, [rule], undefined, { stages, shields, settings });
  const names = (host: string) =>
    agents
      .get(host)
      ?.services.map(({ server }) => server)
      .sort();
  assert.deepEqual(names('cp-1'), ['components/cp-1', 'prod/cp-1']);
  assert.deepEqual(names('node-1'), [
    'components/node-1',
    'kubelet-health/node-1',
    'kubelet-read-only/node-1',
    'kubelet/node-1',
    'prod/cp-1',
  ]);
  const service = (name: string) => {
    const found = agents.get('node-1')?.services.find(({ server }) => server === name);
    assert.ok(found);
    return found;
  };
  const ports = (name: string) => service(name).endpoints.map(({ port }) => port);
  assert.deepEqual(ports('components/node-1'), [10249, 10257, 10259], 'no port is of two services');
  assert.deepEqual(ports('kubelet-health/node-1'), [10248]);
  const verdict = (name: string, from: string) => evaluate(service(name), from);
  assert.deepEqual(verdict('kubelet/node-1', '10.244.0.9'), {
    verdict: 'deny',
    rule: 'shield/CVE-2099-0001/deny',
  });
  assert.equal(verdict('kubelet/node-1', '10.0.0.1').rule, 'portcullis/api-servers');
  assert.equal(verdict('kubelet/node-1', '10.0.7.3').rule, 'policy/m');
  assert.equal(verdict('kubelet-read-only/node-1', '10.0.0.1').verdict, 'deny');
  assert.equal(verdict('kubelet-health/node-1', '10.0.0.1').verdict, 'deny');
  assert.deepEqual(
    ['cp-1', 'node-1', 'other-1'].map((host) => agents.get(host)?.guardLoopback ?? false),
    [true, false, false],
  );
});

test('a shield that is off at a part closes nothing there', () => {
  const shields = [kubelet];
  const stages = [at('kubelet/node-1', 'CVE-2099-0001'), at('kubelet/cp-1', 'CVE-2099-0001')];
  const settings = [{ shield: 'CVE-2099-0001', servers: 'tier=node', mode: 'off' }];
  const { agents } = compiled({}, [], undefined, { stages, shields, settings });
  const closed = ['node-1', 'cp-1'].map((host) =>
    agents.get(host)?.services.some(({ server }) => server === `kubelet/${host}`),
  );
  assert.deepEqual(closed, [false, true]);
});

test('only whom every closing shield lets pass goes on, and only what all would drop is dropped', () => {
  const shields = [
    shield('CVE-2099-0001', ['kubelet'], ['application=metrics', 'zone=a']),
    shield('CVE-2099-0002', ['kubelet'], ['application=metrics']),
  ];
  const verdicts = (stages: More['stages']) => {
    const { agents } = compiled({}, [], undefined, { stages, shields });
    const service = agents.get('node-1')?.services.find(({ server }) => server === 'kubelet/node-1');
    return ['10.0.7.3', '10.0.0.11', '10.0.0.1', '192.0.2.1'].map(
      (from) => service && evaluate(service, from).verdict,
    );
  };
  assert.deepEqual(verdicts([]), [undefined, undefined, undefined, undefined]);
  const one = at('kubelet/node-1', 'CVE-2099-0001');
  const two = at('kubelet/node-1', 'CVE-2099-0002');
  assert.deepEqual(verdicts([one]), ['pass', 'pass', 'pass', 'deny']);
  assert.deepEqual(verdicts([one, two]), ['pass', 'deny', 'pass', 'deny']);
});

test('an admission webhook that was only named is closed by a shield of its controller', () => {
  const shields = [shield('CVE-2025-1974', ['webhook'])];
  const cluster = {
    webhooks: [{ address: '10.244.1.7', port: 9443 }],
    ingressAdmission: [
      { address: '10.244.1.8', port: 8443 },
      { address: '10.244.1.7', port: 9443 },
    ],
  };
  const endpoints = (more: More) =>
    compiled(cluster, [], undefined, more)
      .agents.get('node-1')
      ?.services.find(({ server }) => server === 'webhook/prod')
      ?.endpoints.map(({ address }) => address);
  assert.deepEqual(endpoints({ stages: [], shields }), ['10.244.1.7']);
  const stages = [at('ingress-nginx/prod', 'CVE-2025-1974')];
  assert.deepEqual(endpoints({ stages, shields }), ['10.244.1.7', '10.244.1.8']);
  // Of another cluster, or by a part that has no webhook.
  const elsewhere = [at('ingress-nginx/other', 'CVE-2025-1974'), at('kubelet/node-1', 'CVE-2025-1974')];
  assert.deepEqual(endpoints({ stages: elsewhere, shields }), ['10.244.1.7']);
  assert.throws(() => compiled({ ingressAdmission: [{ address: '10.0.0.11', port: 10250 }] }), {
    code: 'bad-inventory',
    place: 'clusters[0].ingressAdmission[0]',
  });
});

test('a shield that should close something and is not there is no small matter; one that need not is', () => {
  const more = (stage: 'block' | 'lifted'): More => ({
    stages: [at('kubelet/node-1', 'CVE-2099-0009', stage)],
    shields: [],
  });
  assert.throws(() => compiled({}, [], undefined, more('block')), {
    code: 'unknown-shield',
    place: 'kubelet/node-1',
  });
  assert.ok(compiled({}, [], undefined, more('lifted')));
});

test('a server is not called like a part of something that is there', () => {
  const inventory = (name: string) =>
    checkInventory(
      Inventory.parse({
        apiVersion: 'portcullis/v1',
        clusters: [{ name: 'etcd' }],
        hosts: [{ name: 'cp-1', cluster: 'etcd', addresses: ['10.0.0.1'], tags: ['tier=control-plane'] }],
        servers: [{ name, cluster: 'etcd', host: 'cp-1', address: '10.0.0.1' }],
      }),
    );
  assert.throws(() => inventory('etcd/cp-1'), { code: 'bad-inventory', place: 'servers[0].name' });
  assert.deepEqual(inventory('etcd/cp-2'), []);
  assert.deepEqual(inventory('prod/cp-1'), []);
});
