import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionText } from '../base/version.ts';
import type { Component } from '../model/advisory.ts';
import { parseComponentVersion, parseImage, parseRuntime } from './component-version.ts';

test('versions of parts: the three numbers count, what follows is a vendor’s', () => {
  const rows: readonly (readonly [Component, string, string, string])[] = [
    ['kubelet', 'v1.29.3', '1.29.3', 'upstream'],
    ['kubelet', 'v1.29.3-eks-ae9a62a', '1.29.3', 'eks'],
    ['kube-proxy', 'v1.26.8+k3s1', '1.26.8', 'k3s'],
    ['containerd', '1.7.12', '1.7.12', 'upstream'],
    ['containerd', 'v1.6.20~ds1', '1.6.20', 'debian'],
    ['containerd', '1.7.12-0ubuntu2~22.04.1', '1.7.12', 'ubuntu'],
    ['containerd', '1.7.11-k3s2', '1.7.11', 'k3s'],
    ['containerd', '2.0.0-rc.1', '2.0.0-rc.1', 'upstream'],
    ['cri-o', '1.27.1-8.1.rhaos4.14.git3fecb83.el8', '1.27.1', 'openshift'],
    ['etcd', '3.5.9', '3.5.9', 'upstream'],
    ['ingress-nginx', 'v1.11.4', '1.11.4', 'upstream'],
    ['ingress-nginx', '1.9.6-hardened1', '1.9.6', 'rke2'],
    ['csi-driver-nfs', 'v4.11.0', '4.11.0', 'upstream'],
  ];
  for (const [component, text, version, distribution] of rows) {
    const read = parseComponentVersion(component, text);
    assert.deepEqual([versionText(read), read.distribution], [version, distribution], text);
    assert.equal(read.vendor, read.suffix !== '', text);
  }
  for (const text of ['', 'latest', '1.7', '1.7.12 ; rm', '1.7.12-\n', `1.7.12-${'a'.repeat(200)}`, '<b>']) {
    for (const component of ['containerd', 'kubelet'] as const)
      assert.throws(() => parseComponentVersion(component, text), { code: 'bad-version' }, text);
  }
});

test('a runtime is what stands before ://', () => {
  assert.deepEqual(parseRuntime('containerd://1.7.12'), { component: 'containerd', version: '1.7.12' });
  assert.deepEqual(parseRuntime('cri-o://1.23.1'), { component: 'cri-o', version: '1.23.1' });
  for (const text of ['docker://19.3.1', 'containerd', '', '://1', 'constructor://1.2.3', 'Unknown://'])
    assert.equal(parseRuntime(text), undefined, text);
});

test('an image is a component by its name, and a version by its tag', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const rows: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['registry.k8s.io/ingress-nginx/controller:v1.11.4', 'ingress-nginx', 'v1.11.4'],
    [`registry.k8s.io/ingress-nginx/controller:v1.11.4@${digest}`, 'ingress-nginx', 'v1.11.4'],
    [`registry.k8s.io/ingress-nginx/controller-chroot:v1.12.0@${digest}`, 'ingress-nginx', 'v1.12.0'],
    [`registry.example:5000/ingress-nginx/controller@${digest}`, 'ingress-nginx', undefined],
    ['registry.example:5000/ingress-nginx/controller', 'ingress-nginx', undefined],
    ['rancher/nginx-ingress-controller:nginx-1.9.6-hardened1', 'ingress-nginx', '1.9.6-hardened1'],
    ['ingress-nginx/controller:latest', 'ingress-nginx', undefined],
    ['registry.k8s.io/sig-storage/nfsplugin:v4.11.0', 'csi-driver-nfs', 'v4.11.0'],
    ['registry.k8s.io/sig-storage/smbplugin:v1.19.0', 'csi-driver-smb', 'v1.19.0'],
    ['registry.k8s.io/etcd:3.5.9-0', 'etcd', '3.5.9'],
    ['registry.k8s.io/kube-proxy:v1.29.3', 'kube-proxy', 'v1.29.3'],
    // Another product, and names that only look alike.
    ['nginx/nginx-ingress:3.4.0', undefined, undefined],
    ['nginx:1.25.3', undefined, undefined],
    ['example.org/my-nfsplugin-tool:v4.11.0', undefined, undefined],
    ['', undefined, undefined],
  ];
  for (const [image, component, version] of rows) {
    const found = parseImage(image);
    assert.deepEqual([found?.component, found?.version], [component, version], image);
  }
});
