import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Component, Exposure } from '../model/advisory.ts';
import { parseComponentVersion } from './component-version.ts';
import type { Surroundings } from './conditions.ts';
import { exposureOf } from './match.ts';
import { parseOsv } from './osv.ts';

const folder = join(import.meta.dirname, '../../shields/advisories');
const shipped = new Map(
  globSync('*.json', { cwd: folder }).map((file) => {
    const advisory = parseOsv(JSON.parse(readFileSync(join(folder, file), 'utf8')), file);
    return [advisory.id, advisory];
  }),
);

function judge(id: string, component: Component, version: string, around: Surroundings = {}): Exposure {
  const advisory = shipped.get(id);
  assert.ok(advisory, id);
  return exposureOf(advisory, component, parseComponentVersion(component, version), around);
}

const gates = (name: string, on: boolean): Surroundings => ({ gates: new Map([[name, on]]) });

type Row = readonly [string, Component, string, Exposure['status'], RegExp, Surroundings?];
const rows: readonly Row[] = [
  // Windows alone.
  ['CVE-2024-9042', 'kubelet', 'v1.31.4', 'vulnerable', /runs Windows$/, { os: 'windows' }],
  ['CVE-2024-9042', 'kubelet', 'v1.31.4', 'not-applicable', /only Windows .* runs linux/, { os: 'linux' }],
  ['CVE-2024-9042', 'kubelet', 'v1.31.4', 'vendor-unknown', /is not known$/],
  ['CVE-2024-9042', 'kubelet', 'v1.31.5', 'patched', /./, { os: 'windows' }],
  ['CVE-2023-3676', 'kubelet', 'v1.23.17', 'vulnerable', /./, { os: 'windows' }],
  ['CVE-2021-25741', 'kubelet', 'v1.22.1', 'vulnerable', /./, { os: 'linux' }],
  // Gates.
  ['CVE-2025-0426', 'kubelet', 'v1.30.9', 'vulnerable', /the fix is 1\.30\.10$/],
  ['CVE-2025-0426', 'kubelet', 'v1.30.10', 'patched', /./],
  ['CVE-2025-0426', 'kubelet', 'v1.29.3', 'vendor-unknown', /unless somebody set it$/],
  [
    'CVE-2025-0426',
    'kubelet',
    'v1.29.3',
    'vulnerable',
    /ContainerCheckpoint is on$/,
    gates('ContainerCheckpoint', true),
  ],
  ['CVE-2025-0426', 'kubelet', 'v1.29.14', 'patched', /./, gates('ContainerCheckpoint', true)],
  ['CVE-2025-0426', 'kubelet', 'v1.31.0', 'not-applicable', /is off$/, gates('ContainerCheckpoint', false)],
  ['CVE-2025-0426', 'kubelet', 'v1.24.0', 'not-applicable', /came with 1\.25$/],
  ['CVE-2025-4563', 'kube-apiserver', 'v1.33.1', 'vendor-unknown', /DynamicResourceAllocation/],
  // Branches, vendors and other components.
  ['CVE-2025-1974', 'ingress-nginx', 'v1.11.4', 'vulnerable', /1\.11\.5/],
  ['CVE-2025-1974', 'ingress-nginx', 'v1.11.5', 'patched', /./],
  ['CVE-2025-1974', 'ingress-nginx', 'v1.12.0', 'vulnerable', /1\.12\.1/],
  ['CVE-2025-1974', 'ingress-nginx', '1.9.6-hardened1', 'vendor-unknown', /the rke2 build/],
  ['CVE-2025-1974', 'kubelet', 'v1.30.0', 'not-applicable', /about ingress-nginx, not kubelet/],
  ['CVE-2026-3288', 'ingress-nginx', 'v1.13.8', 'patched', /./],
  ['CVE-2026-3288', 'ingress-nginx', 'v1.14.3', 'vulnerable', /1\.14\.4/],
  ['CVE-2026-3288', 'ingress-nginx', 'v1.15.0', 'patched', /./],
  ['CVE-2026-4342', 'ingress-nginx', 'v1.15.0', 'vulnerable', /1\.15\.1/],
  ['CVE-2026-4342', 'ingress-nginx', 'v1.13.9', 'patched', /./],
  ['CVE-2026-73500', 'etcd', '3.5.32', 'vulnerable', /3\.5\.33/],
  ['CVE-2026-73500', 'etcd', '3.4.40', 'vulnerable', /./],
  ['CVE-2026-73500', 'etcd', '3.6.14', 'patched', /./],
  ['CVE-2026-33413', 'etcd', '3.6.9', 'patched', /./],
  ['CVE-2026-33413', 'etcd', '3.6.8', 'vulnerable', /./],
  ['CVE-2019-11248', 'kubelet', 'v1.15.0', 'patched', /./],
  ['CVE-2019-11248', 'kubelet', 'v1.14.3', 'vulnerable', /./],
  ['CVE-2020-8551', 'kubelet', 'v1.17.2', 'vulnerable', /1\.17\.3/],
  ['CVE-2020-8558', 'kube-proxy', 'v1.18.4', 'patched', /./],
  ['CVE-2020-8558', 'kube-proxy', 'v1.18.3-gke.1', 'vendor-unknown', /gke/],
  ['CVE-2022-0811', 'cri-o', '1.23.1', 'vulnerable', /1\.23\.2/],
  ['CVE-2026-3864', 'csi-driver-nfs', 'v4.13.1', 'patched', /./],
  ['CVE-2026-3864', 'csi-driver-nfs', 'v4.13.0', 'vulnerable', /./],
  ['CVE-2025-13281', 'kube-controller-manager', 'v1.31.14', 'vulnerable', /./],
  ['CVE-2025-13281', 'kube-controller-manager', 'v1.32.10', 'patched', /./],
  // Never to be fixed.
  ['CVE-2025-1767', 'kubelet', 'v1.36.0', 'vulnerable', /no fix is known/],
  ['K8S-KUBELET-PORT', 'kubelet', 'v1.36.0', 'vulnerable', /no fix is known/],
  ...['CVE-2020-8554', 'CVE-2020-8561', 'CVE-2020-8562', 'CVE-2021-25740'].map(
    (id): Row => [id, 'kube-apiserver', 'v1.36.2', 'vulnerable', /no fix is known/],
  ),
];

test('what is shipped judges parts by branch, vendor, operating system and gate', () => {
  for (const [id, component, version, status, reason, around] of rows) {
    const found = judge(id, component, version, around);
    const what = `${id} ${component} ${version}: ${found.reason}`;
    assert.equal(found.status, status, what);
    assert.match(found.reason, reason, what);
  }
});

test('the date of a vendor’s build is a hint, and no more', () => {
  const advisory = shipped.get('CVE-2022-3162');
  assert.ok(advisory);
  const dated = { ...advisory, published: '2022-11-10T00:00:00Z' };
  const of = (version: string, buildDate: string) =>
    exposureOf(dated, 'kube-apiserver', parseComponentVersion('kube-apiserver', version), { buildDate });
  const before = of('v1.21.14-eks-1', '2022-08-01T10:00:00Z');
  const after = of('v1.21.14-eks-1', '2023-02-01T10:00:00Z');
  assert.deepEqual([before.status, after.status], ['vendor-unknown', 'vendor-unknown']);
  assert.match(before.reason, /built on 2022-08-01, before .* hardly has the fix$/);
  assert.match(after.reason, /after .* may well have the fix$/);
  assert.doesNotMatch(of('v1.21.14-eks-1', 'yesterday').reason, /built/);
  assert.doesNotMatch(of('v1.21.14', '2022-08-01T10:00:00Z').reason, /built/);
});
