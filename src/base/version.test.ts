import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, parseVersion, versionText } from './version.ts';

test('versions are ordered as SemVer orders them', () => {
  const ascending = [
    '0',
    '1',
    '1.9.11',
    '1.10.3-alpha',
    '1.10.3-alpha.1',
    '1.10.3-alpha.2',
    '1.10.3-alpha.10',
    '1.10.3-alpha.beta',
    '1.10.3-beta.2',
    '1.10.3-rc.1',
    '1.10.3',
    '1.10.11',
    '1.12',
    '1.12.2',
    '2.0.0',
  ].map((text) => parseVersion(text));
  ascending.forEach((a, i) => {
    ascending.forEach((b, j) => {
      assert.ok(a && b);
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${i} ${j}`);
    });
  });
});

test('short forms and a leading v are read', () => {
  for (const [text, canonical] of [
    ['0', '0.0.0'],
    ['1.12', '1.12.0'],
    ['v1.13.0-beta.1', '1.13.0-beta.1'],
  ] as const) {
    const version = parseVersion(text);
    assert.ok(version);
    assert.equal(versionText(version), canonical);
  }
});

test('what is not a version is not read', () => {
  for (const text of [
    '',
    'v',
    'latest',
    '1.',
    '1..2',
    '01.2.3',
    '1.2.3.4',
    '1.2.3+k3s1',
    ' 1.2.3',
    '1.2.3\n',
    '-1.2.3',
    '1.2.3-',
    '1.2.3-a..b',
    '9999999999.0.0',
    '1.11+',
  ]) {
    assert.equal(parseVersion(text), undefined, text);
  }
});
