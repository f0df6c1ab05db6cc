import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareVersions, parseVersion } from '../base/version.ts';
import type { Advisory } from '../model/advisory.ts';
import { Tag } from '../model/tag.ts';
import { exposureOf, tagsFor } from './match.ts';
import { parseOsv } from './osv.ts';
import { parseServerVersion } from './version.ts';

function advisory(events: readonly object[], id = 'CVE-2018-1002105', name = 'k8s.io/apiserver') {
  const score = 'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';
  const affected = [
    {
      package: { ecosystem: 'kubernetes', name },
      severity: [{ type: 'CVSS_V3', score }],
      ranges: [{ type: 'SEMVER', events }],
    },
  ];
  return parseOsv({ id, summary: 'A flaw', affected }, 'test');
}

const flaw = advisory([
  { introduced: '1.0.0' },
  { fixed: '1.10.11' },
  { introduced: '1.11.0' },
  { fixed: '1.11.5' },
  { introduced: '1.12.0' },
  { fixed: '1.12.3' },
]);

const rows: readonly (readonly [string, string, RegExp])[] = [
  ['v1.12.2', 'vulnerable', /1\.12\.2 is affected from 1\.12\.0 on; the fix is 1\.12\.3/],
  ['v1.12.3', 'patched', /came with 1\.12\.3/],
  ['v1.12.0', 'vulnerable', /./],
  ['v1.12.10', 'patched', /./],
  ['v1.11.4', 'vulnerable', /1\.11\.5/],
  ['v1.11.5', 'patched', /./],
  ['v1.10.10', 'vulnerable', /1\.10\.11/],
  ['v1.10.11', 'patched', /came with 1\.10\.11/],
  ['v1.9.11', 'vulnerable', /./],
  ['v0.19.0', 'vulnerable', /older than every branch/],
  ['v1.13.0', 'patched', /./],
  ['v1.33.1', 'patched', /./],
  // Pre-releases rank below their release …
  ['v1.12.3-beta.0', 'vulnerable', /./],
  ['v1.12.4-beta.0', 'patched', /./],
  ['v1.12.0-rc.1', 'vulnerable', /./],
  // … and those cut about the time of the fix can't be told.
  ['v1.13.0-beta.2', 'vendor-unknown', /pre-release/],
  ['v1.14.0-alpha.0', 'vendor-unknown', /pre-release/],
  ['v1.15.0-alpha.0', 'patched', /./],
  // Vendors: patched from the fix on, unknown below it.
  ['v1.12.3-gke.1', 'patched', /./],
  ['v1.13.0+k3s1', 'patched', /./],
  ['v1.21.14-eks-fb459a0', 'patched', /./],
  ['v1.10.3-eks-fb459a0', 'vendor-unknown', /the eks build 1\.10\.3-eks-fb459a0 may carry the fix/],
  ['v1.11.0+d4cacc0', 'vendor-unknown', /openshift/],
  ['v1.12.2+k3s1', 'vendor-unknown', /k3s/],
  ['v1.12.2-dirty', 'vendor-unknown', /custom/],
  ['v1.10.3-gke.1', 'vendor-unknown', /gke/],
  // A vendor's word decides.
  ['v1.10.9-gke.5', 'patched', /vendor's fix, which came with build 5/],
  ['v1.10.9-gke.7', 'patched', /./],
  ['v1.10.9-gke.3', 'vulnerable', /older than the vendor's fix/],
  ['v1.11.2-gke.18', 'patched', /./],
  ['v1.11.2-gke.9', 'vulnerable', /./],
  ['v1.10.9-eks-5', 'vendor-unknown', /./],
  ['v1.10.9', 'vulnerable', /./],
];

test('versions are vulnerable, patched or the vendor’s secret', () => {
  for (const [gitVersion, status, reason] of rows) {
    const exposure = exposureOf(flaw, 'kube-apiserver', parseServerVersion(gitVersion));
    assert.equal(exposure.status, status, `${gitVersion}: ${exposure.reason}`);
    assert.match(exposure.reason, reason, gitVersion);
    assert.equal(exposure.advisory, 'CVE-2018-1002105');
  }
});

test("a vendor's word is for its own advisory", () => {
  const other = advisory([{ introduced: '0' }, { fixed: '1.13.0' }], 'CVE-2099-0001');
  const exposure = exposureOf(other, 'kube-apiserver', parseServerVersion('v1.10.9-gke.5'));
  assert.equal(exposure.status, 'vendor-unknown');
});

test('other components are not concerned', () => {
  const exposure = exposureOf(flaw, 'kubelet', parseServerVersion('v1.12.2'));
  assert.deepEqual(
    [exposure.status, exposure.reason],
    ['not-applicable', 'it is about kube-apiserver, not kubelet'],
  );
});

test('old branches that a record leaves out are affected; what nobody will fix stays affected', () => {
  const listed = advisory([{ introduced: '1.20.0' }, { fixed: '1.20.7' }], 'CVE-2099-0001');
  const status = (of: typeof listed, gitVersion: string) =>
    exposureOf(of, 'kube-apiserver', parseServerVersion(gitVersion)).status;
  assert.equal(status(listed, 'v1.19.16'), 'vulnerable');
  assert.equal(status(listed, 'v1.19.16-eks-1'), 'vendor-unknown');
  assert.equal(status(listed, 'v1.20.7'), 'patched');
  const never = advisory([{ introduced: '0' }], 'CVE-2020-8554');
  assert.equal(status(never, 'v1.35.0'), 'vulnerable');
  assert.equal(status(never, 'v1.35.0+k3s1'), 'vendor-unknown');
  const last = advisory([{ introduced: '1.30.0' }, { last_affected: '1.30.3' }], 'CVE-2099-0001');
  assert.equal(status(last, 'v1.30.3'), 'vulnerable');
  assert.equal(status(last, 'v1.30.4'), 'patched');
});

test('observed tags say version, distribution, flaws and patch', () => {
  const also = advisory([{ introduced: '0' }, { fixed: '1.12.1' }], 'CVE-2099-0002');
  const kubelet = advisory([{ introduced: '0' }], 'CVE-2099-0003', 'k8s.io/kubelet');
  const rows: readonly [string, string[]][] = [
    [
      'v1.12.2',
      ['cve=CVE-2018-1002105', 'cvss=9.8', 'distribution=upstream', 'k8s-version=1.12.2', 'patch=missing'],
    ],
    ['v1.12.3', ['distribution=upstream', 'k8s-version=1.12.3', 'patch=present']],
    [
      'v1.11.0+d4cacc0',
      [
        'cve=CVE-2018-1002105',
        'cve=CVE-2099-0002',
        'cvss=9.8',
        'distribution=openshift',
        'k8s-version=1.11.0',
        'patch=unknown',
      ],
    ],
    ['v1.33.0-rc.1', ['distribution=upstream', 'k8s-version=1.33.0-rc.1', 'patch=present']],
  ];
  const advisories = [flaw, also, kubelet];
  for (const [gitVersion, expected] of rows) {
    const version = parseServerVersion(gitVersion);
    const tags = tagsFor(
      version,
      advisories.map((one) => exposureOf(one, 'kube-apiserver', version)),
      advisories,
    );
    assert.deepEqual(tags, expected);
    for (const tag of tags) Tag.parse(tag);
  }
  assert.deepEqual(tagsFor(parseServerVersion('v1.12.2'), [], []), [
    'distribution=upstream',
    'k8s-version=1.12.2',
  ]);
});

test('a flaw that nobody will fix is tagged, but no patch is missing for it', () => {
  const never = advisory([{ introduced: '0' }], 'CVE-2020-8561');
  const patchTags = (gitVersion: string, ...advisories: Advisory[]) => {
    const version = parseServerVersion(gitVersion);
    const exposures = advisories.map((one) => exposureOf(one, 'kube-apiserver', version));
    const tags = tagsFor(version, exposures, advisories);
    assert.ok(tags.includes('cve=CVE-2020-8561'));
    return tags.filter((tag) => tag.startsWith('patch='));
  };
  assert.deepEqual(patchTags('v1.12.2', flaw, never), ['patch=missing']);
  assert.deepEqual(patchTags('v1.12.3', flaw, never), ['patch=present']);
  assert.deepEqual(patchTags('v1.12.3+k3s1', flaw, never), ['patch=present']);
  assert.deepEqual(patchTags('v1.12.3', never), []);
});

/** Branches 1.0 to 1.3, patches 0 to 3: every version can be asked. */
const everyVersion = [0, 1, 2, 3].flatMap((minor) => [0, 1, 2, 3].map((patch) => `1.${minor}.${patch}`));
const interval = fc
  .uniqueArray(fc.constantFrom(...everyVersion), { minLength: 2, maxLength: 8 })
  .map((versions) => [...versions].sort((a, b) => order(a, b)))
  .map((sorted) => (sorted.length % 2 === 0 ? sorted : sorted.slice(1)));

function order(a: string, b: string): number {
  return compareVersions(parseVersion(a) ?? assert.fail(), parseVersion(b) ?? assert.fail());
}

test('shuffled events give the verdict of walking along the versions', () => {
  fc.assert(
    fc.property(interval, fc.infiniteStream(fc.nat()), (bounds, random) => {
      const events = bounds.map((version, i) => ({ [i % 2 === 0 ? 'introduced' : 'fixed']: version }));
      const shuffled = events
        .map((event) => ({ event, at: random.next().value ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ event }) => event);
      const shuffledFlaw = advisory(shuffled, 'CVE-2099-0001');
      let affected = true; // below the first introduced: old branches count as affected
      for (const version of everyVersion) {
        const at = bounds.indexOf(version);
        if (at >= 0) affected = at % 2 === 0;
        const { status } = exposureOf(shuffledFlaw, 'kube-apiserver', parseServerVersion(`v${version}`));
        assert.equal(status, affected ? 'vulnerable' : 'patched', version);
      }
    }),
  );
});
