import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { compile } from './compile.ts';
import { evaluate } from './evaluate.ts';

function compiled(
  cluster: object,
  rules: readonly object[] = [],
  controllers = [{ address: '10.0.5.5', port: 7443 }],
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
    policy: Policy.parse({ apiVersion: 'portcullis/v1', rules }),
    shields: [],
    observed: new Map(),
    stages: [],
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
