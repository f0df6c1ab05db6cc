import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import type { Advisory } from '../model/advisory.ts';
import { changeOf } from './changes.ts';
import { readAdvisory, recordsIn } from './read.ts';

const osv = JSON.stringify({
  id: 'CVE-2099-0001',
  summary: 'A flaw',
  affected: [
    {
      package: { ecosystem: 'kubernetes', name: 'k8s.io/apiserver' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.9.4' }] }],
    },
  ],
});
const stackrox = (affected: string, more = 'components:\n  - kube-apiserver\n') =>
  `cve: CVE-2099-0001\ndescription: A flaw\n${more}cvss:\n  nvd:\n    scoreV3: 9.8\n  kubernetes:\n    scoreV3: 6.5\naffected:\n${affected}`;
const item = (more: object = {}) => ({
  id: 'CVE-2099-0001',
  summary: 'A flaw',
  status: 'fixed',
  url: 'https://example.org/1',
  _kubernetes_io: { google_group_url: 'https://example.org/2', issue_number: 1 },
  ...more,
});

function ranges(advisory: Advisory): string[] {
  return advisory.affected.flatMap(({ component, ranges: own }) =>
    own.map(
      ({ introduced, fixed, lastAffected }) =>
        `${component} ${introduced}..${lastAffected ? `=${lastAffected}` : (fixed ?? '')}`,
    ),
  );
}

test('a record is told by what it says it is', () => {
  assert.equal(readAdvisory(osv, 'x').source.format, 'osv');
  assert.equal(readAdvisory(stackrox('  - range: ">= 1.0.0"\n'), 'x').source.format, 'stackrox');
  assert.equal(readAdvisory(JSON.stringify(item()), 'x').source.format, 'feed');
  const cve = {
    dataType: 'CVE_RECORD',
    dataVersion: '5.1',
    cveMetadata: { cveId: 'CVE-2099-0001', state: 'PUBLISHED' },
    containers: {
      cna: { affected: [{ product: 'kubelet', versions: [{ version: '1.2.3', status: 'affected' }] }] },
    },
  };
  assert.equal(readAdvisory(JSON.stringify(cve), 'x').source.format, 'cve-v5');
  for (const bad of ['{', '[1]', 'null', '7', '', '- a\n', 'cve: *x', 'cve: 7\n']) {
    assert.throws(
      () => readAdvisory(bad, 'x'),
      (error: unknown) => error instanceof Failure && ['bad-advisory', 'bad-yaml'].includes(error.code),
      bad,
    );
  }
});

test('ranges of stackrox: the fix is believed over the last affected version', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['  - range: ">= 1.9.0, <= 1.9.3"\n    fixedBy: "1.9.4"\n', ['kube-apiserver 1.9.0..1.9.4']],
    ['  - range: ">= 1.9, < 1.9.3"\n', ['kube-apiserver 1.9.0..1.9.3']],
    ['  - range: "<= 1.9.3"\n', ['kube-apiserver 0.0.0..=1.9.3']],
    ['  - range: ">= 0.0.0"\n', ['kube-apiserver 0.0.0..']],
    ['  - range: "1.13.0"\n    fixedBy: "1.13.1"\n', ['kube-apiserver 1.13.0..1.13.1']],
    ['  - range: "1.13.0"\n', ['kube-apiserver 1.13.0..=1.13.0']],
    // A branch of which only pre-releases were affected.
    ['  - range: "< 1.13.4"\n  - range: ">= 1.14, < 1.14.0"\n', ['kube-apiserver 0.0.0..1.13.4']],
  ];
  for (const [affected, expected] of rows) {
    assert.deepEqual(ranges(readAdvisory(stackrox(affected), 'x')), expected, affected);
  }
  assert.equal(readAdvisory(stackrox('  - range: "1.2.3"\n'), 'x').cvss, 6.5, "the project's own score");
  assert.deepEqual(ranges(readAdvisory(stackrox('  - range: "1.2.3"\n', ''), 'x')), [
    'kubernetes 1.2.3..=1.2.3',
  ]);
  for (const bad of [
    '"< 1.11.0, <= 1.11.7"',
    '">= 1, >= 2"',
    '"soon"',
    '"> 1.2"',
    '""',
    '">= 1.14, < 1.14.0"',
  ]) {
    assert.throws(() => readAdvisory(stackrox(`  - range: ${bad}\n`), 'x'), { code: 'bad-advisory' }, bad);
  }
});

test('the official feed: what will not be fixed affects every version, of the rest no version is known', () => {
  assert.deepEqual(readAdvisory(JSON.stringify(item()), 'x').affected, []);
  assert.deepEqual(ranges(readAdvisory(JSON.stringify(item({ status: 'unfixed' })), 'x')), [
    'kubernetes 0.0.0..',
  ]);
  const links = readAdvisory(JSON.stringify(item({ external_url: 'javascript:alert(1)' })), 'x').references;
  assert.deepEqual(links, ['https://example.org/1', 'https://example.org/2']);
  const feed = { version: 'https://jsonfeed.org/version/1.1', items: [item(), 7, item({ id: '' })] };
  const records = recordsIn(JSON.stringify(feed), 'feed.json');
  assert.deepEqual(
    records.map(({ place }) => place),
    ['feed.json#0', 'feed.json#1', 'feed.json#2'],
  );
  assert.deepEqual(
    records.map(({ place, record }) => usable(record, place)),
    [true, false, false],
  );
  assert.deepEqual(recordsIn(osv, 'a.json'), [{ place: 'a.json', record: osv }]);
  assert.throws(() => recordsIn('{"items":[],"version":"2"}', 'x'), { code: 'bad-advisory' });
});

test('what a record changes is told; the feed takes nobody’s place', () => {
  const known = readAdvisory(osv, 'x');
  assert.deepEqual(changeOf(undefined, known), { outcome: 'added', changes: [] });
  assert.deepEqual(changeOf(known, readAdvisory(osv, 'elsewhere')), { outcome: 'unchanged', changes: [] });
  const { outcome, changes } = changeOf(known, readAdvisory(stackrox('  - range: "<= 1.9.4"\n'), 'x'));
  assert.equal(outcome, 'changed');
  assert.deepEqual(changes, [
    'severity: major -> minor (6.5)',
    'affected: kube-apiserver 0.0.0 to before 1.9.4 -> kube-apiserver 0.0.0 to 1.9.4',
  ]);
  for (const status of ['fixed', 'unfixed']) {
    const fed = readAdvisory(JSON.stringify(item({ status, summary: 'Other' })), 'x');
    assert.equal(changeOf(known, fed).outcome, 'unchanged', status);
    assert.equal(changeOf(fed, known).outcome, 'changed', status);
  }
});

// Public data, where a copy lies beside the work tree: every record is read, but for those known to contradict themselves.
const data = join(import.meta.dirname, '../../../shared/data');
test('every record of the public sources is read or refused with a reason', {
  skip: !existsSync(data),
}, () => {
  const refused = globSync('**/*.{json,yaml}', { cwd: data }).filter((file) => {
    return !usable(readFileSync(join(data, file), 'utf8'), file);
  });
  // Its range is `< 1.11.0, <= 1.11.7`.
  assert.deepEqual(refused, ['stackrox-k8s-cves/cves/CVE-2019-1002100.yaml']);
});

function usable(text: string, place: string): boolean {
  try {
    readAdvisory(text, place);
    return true;
  } catch (error) {
    assert.ok(error instanceof Failure && error.code === 'bad-advisory', String(error));
    return false;
  }
}
