import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { compareVersions, parseVersion, versionText } from '../base/version.ts';
import { parseServerVersion } from './version.ts';

/** gitVersion, base version, suffix, distribution. */
const forms: readonly (readonly [string, string, string, string])[] = [
  ['v1.12.2', '1.12.2', '', 'upstream'],
  ['1.12.2', '1.12.2', '', 'upstream'],
  ['v1.13.0-alpha.3', '1.13.0-alpha.3', '', 'upstream'],
  ['v1.13.0-beta.1', '1.13.0-beta.1', '', 'upstream'],
  ['v1.13.0-rc.1', '1.13.0-rc.1', '', 'upstream'],
  ['v1.10.3-gke.1', '1.10.3', '-gke.1', 'gke'],
  ['v1.33.5-gke.1308000', '1.33.5', '-gke.1308000', 'gke'],
  ['v1.21.14-eks-fb459a0', '1.21.14', '-eks-fb459a0', 'eks'],
  ['v1.21.14-eks-1-21-27', '1.21.14', '-eks-1-21-27', 'eks'],
  ['v1.26.8+k3s1', '1.26.8', '+k3s1', 'k3s'],
  ['v1.26.8-rc1+k3s1', '1.26.8-rc.1', '+k3s1', 'k3s'],
  ['v1.26.8+rke2r1', '1.26.8', '+rke2r1', 'rke2'],
  ['v1.28.2+k0s.0', '1.28.2', '+k0s.0', 'k0s'],
  ['v1.28.2-k0s', '1.28.2', '-k0s', 'k0s'],
  ['v1.11.0+d4cacc0', '1.11.0', '+d4cacc0', 'openshift'],
  ['v1.15.11-hotfix.20200817', '1.15.11', '-hotfix.20200817', 'aks'],
  ['v1.20.7+IKS', '1.20.7', '+IKS', 'iks'],
  ['v1.24.6-aliyun.1', '1.24.6', '-aliyun.1', 'aliyun'],
  ['v1.21.2+vmware.1-fips.1', '1.21.2', '+vmware.1-fips.1', 'vmware'],
  ['v1.12.2-4+dd8a9d6e5c9c3e', '1.12.2', '-4+dd8a9d6e5c9c3e', 'custom'],
  ['v1.12.2-dirty', '1.12.2', '-dirty', 'custom'],
  ['v1.11.0+d4cacc0-dirty', '1.11.0', '+d4cacc0-dirty', 'custom'],
  ['v1.14.0-alpha.0.1234+0123456789abcd', '1.14.0-alpha.0.1234', '+0123456789abcd', 'custom'],
  ['v1.12.2-1', '1.12.2', '-1', 'custom'],
  // Looks like a pre-release, but is a vendor's word.
  ['v1.12.2-betafish.1', '1.12.2', '-betafish.1', 'betafish'],
];

test('each form gives its base version and its vendor', () => {
  for (const [gitVersion, base, suffix, distribution] of forms) {
    const version = parseServerVersion(gitVersion);
    assert.equal(versionText(version), base, gitVersion);
    assert.deepEqual(
      { suffix: version.suffix, distribution: version.distribution, vendor: version.vendor },
      { suffix, distribution, vendor: suffix !== '' },
      gitVersion,
    );
  }
});

test('major and minor may be empty or carry a plus', () => {
  for (const parts of [{}, { major: '', minor: '' }, { major: '1', minor: '11+' }, { minor: '11' }]) {
    assert.equal(parseServerVersion('v1.11.0+d4cacc0', parts).minor, 11);
  }
});

test('a vendor build is ordered by its base, a pre-release below its release', () => {
  const release = parseVersion('1.10.3') ?? assert.fail();
  const order = (gitVersion: string): number =>
    Math.sign(compareVersions(parseServerVersion(gitVersion), release));
  assert.equal(order('v1.10.3-gke.1'), 0);
  assert.equal(order('v1.10.3+k3s1'), 0);
  assert.equal(order('v1.10.3-rc.1'), -1);
  assert.equal(order('v1.10.11-gke.1'), 1);
  assert.equal(order('v1.9.11-gke.5'), -1);
});

test('what is no version is refused', () => {
  const rows: readonly [string, { major?: string; minor?: string }?][] = [
    [''],
    ['v'],
    ['latest'],
    ['v1.12'],
    ['v1.12.x'],
    ['v0.0.0-master+$Format:%H$'],
    ['v0.0.0-master+abcdef0'],
    ['v1.12.2 '],
    ['v1.12.2\n'],
    ['v1.12.2-'],
    ['v1.12.2_gke'],
    ['v1.12.2-<script>'],
    ['v1.12.2.3'],
    ['v99999.1.1'],
    [`v1.12.2-${'a'.repeat(200)}`],
    ['v1.12.2', { minor: '11' }],
    ['v1.12.2', { major: '2' }],
    ['v1.12.2', { minor: '12-' }],
    ['v1.12.2', { minor: 'twelve' }],
  ];
  for (const [gitVersion, parts] of rows) {
    assert.throws(
      () => parseServerVersion(gitVersion, parts),
      (error: unknown) => error instanceof Failure && error.code === 'bad-version',
      JSON.stringify([gitVersion, parts]),
    );
  }
});
