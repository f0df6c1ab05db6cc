import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PartFact } from '../model/part.ts';
import { type PodInfo, partFacts } from './part-facts.ts';

const controller = (tag: string, more: Partial<PodInfo> = {}): PodInfo => ({
  phase: 'Running',
  images: [`registry.k8s.io/ingress-nginx/controller:${tag}`],
  args: ['/nginx-ingress-controller', '--validating-webhook=:8443'],
  addresses: ['10.244.1.8'],
  ...more,
});
const shown = ({ component, host, version, os }: PartFact) =>
  [component, host ?? '-', version, os ?? '-'].join(' ');

test('a node tells of its kubelet, its kube-proxy, its runtime and its system', () => {
  const { facts, notes } = partFacts(
    [
      {
        host: 'node-1',
        kubeletVersion: 'v1.29.3',
        kubeProxyVersion: 'v1.29.3',
        containerRuntimeVersion: 'containerd://1.7.12',
        operatingSystem: 'linux',
      },
      { host: 'win-1', kubeletVersion: 'v1.31.4', operatingSystem: 'Windows', kubeProxyVersion: '' },
      { host: 'node-2', kubeletVersion: 'v1.28.1+k3s1', containerRuntimeVersion: 'docker://19.3.1' },
      { host: 'node-3', operatingSystem: 'plan9' },
      { host: 'Not A Name', kubeletVersion: 'v1.29.3' },
    ],
    [],
  );
  assert.deepEqual(facts.map(shown), [
    'kubelet node-1 v1.29.3 linux',
    'kube-proxy node-1 v1.29.3 linux',
    'containerd node-1 1.7.12 linux',
    'kubelet win-1 v1.31.4 windows',
    'kubelet node-2 v1.28.1+k3s1 -',
  ]);
  assert.deepEqual(notes, []);
});

test('versions that are none are left out and told, as short plain text, not more than twenty', () => {
  const bad = '\u001b[31mv1.29.3; rm -rf /';
  const { facts, notes } = partFacts(
    Array.from({ length: 30 }, (_, i) => ({ host: `n${i}`, kubeletVersion: bad })),
    [],
  );
  assert.deepEqual(facts, []);
  assert.equal(notes.length, 21);
  assert.equal(notes.at(-1), 'and 10 more like these');
  assert.match(notes[0] ?? '', /^the version '\?\[31mv1\.29\.3; rm -rf \/' of the kubelet of node 'n0'/);
});

test('a cluster’s part is as old as its oldest pod, and its webhook is at all of them', () => {
  const { facts } = partFacts(
    [],
    [
      controller('v1.12.1'),
      controller('v1.11.4', { addresses: ['10.244.2.9', 'fd00::9', 'nowhere'] }),
      controller('v1.9.0', { phase: 'Succeeded', addresses: ['10.244.3.3'] }),
      controller('v1.12.1', { args: ['--publish-service=x'], addresses: ['10.244.4.4'] }),
      {
        phase: 'Running',
        images: ['registry.k8s.io/sig-storage/nfsplugin:v4.11.0', 'busybox'],
        args: [],
        addresses: [],
      },
    ],
  );
  assert.deepEqual(facts.map(shown), ['ingress-nginx - v1.11.4 -', 'csi-driver-nfs - v4.11.0 -']);
  assert.deepEqual(
    facts[0]?.endpoints?.map(({ address, port }) => `${address} ${port}`),
    ['10.244.1.8 8443', '10.244.2.9 8443', 'fd00::9 8443'],
  );
});

test('static pods of a control plane: etcd by its host, the others as old as the oldest', () => {
  const pod = (image: string, host?: string) => ({
    host,
    phase: 'Running',
    images: [image],
    args: [],
    addresses: [],
  });
  const { facts } = partFacts(
    [],
    [
      pod('registry.k8s.io/etcd:3.5.9-0', 'cp-1'),
      pod('registry.k8s.io/etcd:3.5.15-0', 'cp-2'),
      pod('registry.k8s.io/etcd:3.4.3-0'),
      pod('registry.k8s.io/kube-controller-manager:v1.31.1', 'cp-1'),
      pod('registry.k8s.io/kube-controller-manager:v1.30.4', 'cp-2'),
      pod('registry.k8s.io/kube-scheduler:v1.31.1', 'cp-1'),
      pod('registry.k8s.io/kube-apiserver:v1.31.1', 'cp-1'),
    ],
  );
  assert.deepEqual(facts.map(shown).sort(), [
    'etcd cp-1 3.5.9 -',
    'etcd cp-2 3.5.15 -',
    'kube-controller-manager - v1.30.4 -',
    'kube-scheduler - v1.31.1 -',
  ]);
});

test('an image without a version is told; so are pods that may not be listed', () => {
  const digest = controller('', { images: [`x.example/ingress-nginx/controller@sha256:${'0'.repeat(64)}`] });
  assert.match(partFacts([], [digest]).notes[0] ?? '', /has no version in its tag/);
  assert.deepEqual(partFacts([], [digest]).facts, []);
  assert.match(partFacts([], undefined).notes[0] ?? '', /may not be listed/);
});

test('whatever a cluster says, facts are what the schema holds', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('v1.2.3', 'containerd://1.7.1', 'linux', ''));
  const node = fc.record(
    { host: text, kubeletVersion: text, containerRuntimeVersion: text, operatingSystem: text },
    { requiredKeys: ['host'] },
  );
  const pod = fc.record({
    phase: text,
    images: fc.array(text),
    args: fc.array(fc.oneof(text, fc.constant('--validating-webhook=:99999'))),
    addresses: fc.array(text),
  });
  fc.assert(
    fc.property(fc.array(node), fc.array(pod), (nodes, pods) => {
      for (const fact of partFacts(nodes, pods).facts) PartFact.parse(fact);
    }),
  );
});
