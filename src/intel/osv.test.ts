import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { Advisory } from '../model/advisory.ts';
import { parseOsv } from './osv.ts';

type Events = readonly Record<string, string>[];

function record(events: Events, more: object = {}, id = 'CVE-2099-0001') {
  return {
    id,
    summary: 'A flaw',
    affected: [
      {
        package: { ecosystem: 'kubernetes', name: 'k8s.io/apiserver' },
        ranges: [{ type: 'SEMVER', events }],
      },
    ],
    ...more,
  };
}

/** `introduced..fixed`, `introduced..=lastAffected`, `introduced..` */
function rangesOf(advisory: Advisory): string[] {
  return advisory.affected.flatMap(({ ranges }) =>
    ranges.map(({ introduced, fixed, lastAffected }) =>
      lastAffected ? `${introduced}..=${lastAffected}` : `${introduced}..${fixed ?? ''}`,
    ),
  );
}

const introduced = (version: string) => ({ introduced: version });
const fixed = (version: string) => ({ fixed: version });

test('events in any order become sorted, disjoint ranges', () => {
  const rows: readonly [Events, readonly string[]][] = [
    [[introduced('0'), fixed('1.9.4')], ['0.0.0..1.9.4']],
    [
      [fixed('1.11.5'), introduced('1.11.0'), fixed('1.10.11'), introduced('0')],
      ['0.0.0..1.10.11', '1.11.0..1.11.5'],
    ],
    [[introduced('0')], ['0.0.0..']],
    [[introduced('1.9.0'), introduced('1.10.0'), fixed('1.10.3')], ['1.9.0..1.10.3']],
    [[introduced('v1.32.0'), { last_affected: 'v1.32.7' }], ['1.32.0..=1.32.7']],
    [
      [introduced('1.11.0'), fixed('1.11.0'), introduced('1.10.0')],
      ['1.10.0..1.11.0', '1.11.0..'],
    ],
    // One beginning, several branches: each fix speaks of its own branch.
    [
      [introduced('0'), introduced('0'), fixed('1.13.8'), fixed('1.14.4'), fixed('1.15.0')],
      ['0.0.0..1.13.8', '1.14.0..1.14.4', '1.15.0..1.15.0'],
    ],
    [[introduced('0'), fixed('1.13.8'), fixed('1.13.9')], ['0.0.0..1.13.9']],
    [[introduced('0'), fixed('1.9.4'), { limit: '1.10.0' }], ['0.0.0..1.9.4']],
    [[introduced('2.0.0-alpha.0'), fixed('2.0.0-alpha.1')], ['2.0.0-alpha.0..2.0.0-alpha.1']],
  ];
  for (const [events, ranges] of rows) assert.deepEqual(rangesOf(parseOsv(record(events), 'x')), ranges);
});

test('several ranges of one package are read together, GIT ranges passed over', () => {
  const events = [introduced('0'), fixed('1.9.4')];
  const ranges = [
    { type: 'GIT', events: [introduced('0'), fixed('d34db33f')] },
    { type: 'SEMVER', events },
    { type: 'ECOSYSTEM', events: [introduced('1.10.0'), fixed('1.10.2')] },
  ];
  const affected = [{ package: { ecosystem: 'Kubernetes', name: 'kube-apiserver' }, ranges }];
  assert.deepEqual(rangesOf(parseOsv(record([], { affected }), 'x')), ['0.0.0..1.9.4', '1.10.0..1.10.2']);
  const listed = [
    { package: { ecosystem: 'kubernetes', name: 'k8s.io/kubelet' }, versions: ['1.9.1', 'v1.9.2'] },
  ];
  assert.deepEqual(rangesOf(parseOsv(record([], { affected: listed }), 'x')), [
    '1.9.1..=1.9.1',
    '1.9.2..=1.9.2',
  ]);
});

test('packages become components; modules of other ecosystems do not', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['kubernetes', 'k8s.io/apiserver', 'kube-apiserver'],
    ['Kubernetes', 'kube-apiserver', 'kube-apiserver'],
    ['kubernetes', 'k8s.io/controller-manager', 'kube-controller-manager'],
    ['kubernetes', 'k8s.io/kubelet', 'kubelet'],
    ['kubernetes', 'k8s.io/ingress-nginx', 'ingress-nginx'],
    ['kubernetes', 'k8s.io/kubernetes', 'kubernetes'],
    ['kubernetes', 'sigs.k8s.io/secrets-store-csi-driver', 'other'],
    ['kubernetes', 'constructor', 'other'],
    ['Go', 'k8s.io/apiserver', 'other'],
    ['Go', 'k8s.io/kubernetes', 'kubernetes'],
    ['Go', 'go.etcd.io/etcd/server/v3', 'etcd'],
    ['Go', 'github.com/containerd/containerd/v2', 'containerd'],
    ['Go', 'constructor', 'other'],
    ['npm', 'github.com/containerd/containerd', 'other'],
    ['kubernetes', 'csi-driver-nfs', 'csi-driver-nfs'],
  ];
  for (const [ecosystem, name, component] of rows) {
    const ranges = [{ type: 'SEMVER', events: [introduced('0')] }];
    const affected = [{ package: { ecosystem, name }, ranges }];
    assert.equal(parseOsv(record([], { affected }), 'x').affected[0]?.component, component, name);
  }
});

test('severity is that of the worst vector; ids are CVEs where there is one', () => {
  const medium = { type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N' };
  const worst = { type: 'CVSS_V3', score: 'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' };
  const events = [introduced('0')];
  const scored = parseOsv(record(events, { severity: [medium, worst] }), 'x');
  assert.deepEqual([scored.severity, scored.cvss], ['critical', 9.8]);
  const bare = parseOsv(record(events, { severity: [{ type: 'CVSS_V2', score: 'AV:N' }] }), 'x');
  assert.deepEqual([bare.severity, bare.cvss], ['major', undefined]);
  const id = (own: string, aliases: string[]) => parseOsv(record(events, { aliases }, own), 'x').id;
  assert.equal(id('GHSA-abcd-efgh-ijkl', ['CVE-2024-0001']), 'CVE-2024-0001');
  assert.equal(id('GHSA-abcd-efgh-ijkl', ['CVE-2024-0001', 'CVE-2024-0002']), 'GHSA-abcd-efgh-ijkl');
  assert.equal(id('CVE-2024-0003', ['CVE-2024-0001']), 'CVE-2024-0003');
});

test('texts and links of a hostile record are made harmless', () => {
  const advisory = parseOsv(
    record([introduced('0')], {
      summary: `\u001b[31mred\u0007 ${'x'.repeat(1000)}\nsecond line`,
      references: [
        { url: 'javascript:alert(1)' },
        { url: 'https://example.org/a' },
        { url: 'file:///etc/passwd' },
      ],
    }),
    'x',
  );
  assert.match(advisory.summary, /^\[31mred {2}x+$/);
  assert.ok(advisory.summary.length <= 300);
  assert.deepEqual(advisory.references, ['https://example.org/a']);
});

const event = [introduced('0')];
const refusals: readonly [unknown, string][] = [
  [null, 'x'],
  ['text', 'x'],
  [[], 'x'],
  [{}, 'x: id'],
  [record(event, { affected: [] }), 'x: affected'],
  [record(event, {}, 'not an id'), 'x: id'],
  [record(event, { withdrawn: '2024-01-01T00:00:00Z' }), 'x: withdrawn'],
  [record([]), 'x: affected[0].ranges[0].events'],
  [record([introduced('0'), fixed('soon')]), 'x: affected[0].ranges[0].events[1]'],
  [record([{ introduced: '0', fixed: '1.2.3' }]), 'x: affected[0].ranges[0].events[0]'],
  [record([introduced('0'), {}]), 'x: affected[0].ranges[0].events[1]'],
  [record([fixed('1.2.3')]), 'x: affected[0]'],
  [
    record(event, { affected: [{ package: { ecosystem: 'kubernetes', name: 'k8s.io/kubelet' } }] }),
    'x: affected[0]',
  ],
  [
    record(event, {
      affected: [
        { package: { ecosystem: 'kubernetes', name: 'a' }, ranges: [{ type: 'MAGIC', events: event }] },
      ],
    }),
    'x: affected[0].ranges[0].type',
  ],
  [record(event, { affected: [{ ranges: [] }] }), 'x: affected[0].package'],
  [record(Array.from({ length: 1001 }, () => introduced('0'))), 'x: affected[0].ranges[0].events'],
];

test('a record that cannot be used is refused at its field', () => {
  for (const [bad, place] of refusals) {
    assert.throws(
      () => parseOsv(bad, 'x'),
      (error: unknown) => {
        assert.ok(error instanceof Failure, String(error));
        assert.deepEqual([error.code, error.place], ['bad-advisory', place], error.message);
        return true;
      },
      place,
    );
  }
});

test('known defects are corrected, each with its reason; mended records are left alone', () => {
  const rows: readonly [string, Events, readonly string[], number][] = [
    [
      'CVE-2022-3172',
      [introduced('1.22.0'), fixed('1.22.14'), introduced('0'), fixed('1.21.14')],
      ['0.0.0..1.22.14'],
      1,
    ],
    ['CVE-2022-3172', [introduced('0'), fixed('1.22.14')], ['0.0.0..1.22.14'], 0],
    [
      'CVE-2021-25741',
      [introduced('0'), fixed('1.19.16'), introduced('1.22.0'), fixed('1.22.1')],
      ['0.0.0..1.19.15', '1.22.0..1.22.2'],
      2,
    ],
    ['CVE-2018-1002102', [introduced('0'), fixed('1.12.2')], ['0.0.0..1.14.0'], 1],
    ['CVE-2020-10749', [introduced('1.17.0'), fixed('1.17.17')], ['1.17.0..1.17.7'], 1],
    ['CVE-2020-8551', [introduced('1.17.0'), fixed('1.17.3')], ['1.17.0..1.17.3'], 0],
    ['CVE-2019-11254', [introduced('1.16.0'), fixed('1.16.7')], ['1.16.0..1.16.8'], 1],
    ['CVE-2025-5187', [introduced('v1.31.0'), fixed('v1.31.12')], ['0.0.0..1.31.12'], 1],
    ['CVE-2025-15566', [introduced('0'), { last_affected: '1.12.5' }], ['0.0.0..1.12.5'], 1],
    ['CVE-2020-8554', [introduced('0'), fixed('1.21.0')], ['0.0.0..'], 1],
    ['CVE-2020-8554', [introduced('0')], ['0.0.0..'], 0],
    ['CVE-2020-8551', [introduced('1.17.0'), fixed('1.17.2')], ['1.17.0..1.17.3'], 1],
    ['CVE-2025-15566', [introduced('1.13.0'), { last_affected: '1.13.1' }], ['1.13.0..1.13.1'], 1],
    ['CVE-2026-24512', [introduced('0'), fixed('1.14.2')], ['0.0.0..1.14.3'], 1],
    ...['CVE-2020-8561', 'CVE-2020-8562', 'CVE-2021-25740', 'CVE-2025-1767'].map(
      (id): [string, Events, string[], number] => [
        id,
        [introduced('0'), { last_affected: '1.30.2' }],
        ['0.0.0..'],
        1,
      ],
    ),
    // Another flaw with the same bounds is none of the overlay's business.
    ['CVE-2099-0001', [introduced('0'), fixed('1.12.2')], ['0.0.0..1.12.2'], 0],
  ];
  for (const [id, events, ranges, corrections] of rows) {
    const advisory = parseOsv(record(events, {}, id), 'x');
    assert.deepEqual(rangesOf(advisory), ranges, id);
    assert.equal(advisory.corrections.length, corrections, id);
  }
});

test('a title and a time that are another’s are put right, once', () => {
  const titled = (id: string, more: object) => parseOsv(record([introduced('0')], more, id), 'x');
  const path = titled('CVE-2026-24512', { summary: 'ingress-nginx auth-method injection' });
  assert.match(path.summary, /path/);
  assert.equal(path.corrections.length, 1);
  assert.equal(titled('CVE-2026-1580', { summary: 'auth-method' }).summary, 'auth-method');
  const late = titled('CVE-2024-3177', { published: '2018-01-01T00:00:00Z' });
  assert.equal(late.published, '2024-04-16T00:00:00Z');
  const right = titled('CVE-2024-3177', { published: '2024-04-22T23:15:50Z' });
  assert.deepEqual([right.published, right.corrections], ['2024-04-22T23:15:50Z', []]);
  assert.equal(titled('CVE-2099-0001', { published: 'last week' }).published, undefined);
});

test('random records are read or refused, never anything else', () => {
  const version = fc.constantFrom('0', '1.2.3', 'v1.10.0', '1.11', 'x', '', '1.2.3-rc.1', 7);
  const anyEvent = fc.dictionary(fc.constantFrom('introduced', 'fixed', 'last_affected', 'limit'), version);
  const bad = fc.oneof(
    fc.anything(),
    fc.array(anyEvent).map((events) => record(events as Events)),
    fc.jsonValue().map((affected) => record(event, { affected })),
  );
  fc.assert(
    fc.property(bad, (value) => {
      try {
        Advisory.parse(parseOsv(value, 'x'));
      } catch (error) {
        assert.ok(error instanceof Failure && error.code === 'bad-advisory', String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test('a word for how grave it is counts where nobody has scored it', () => {
  const record = (more: object) => ({
    id: 'GHSA-aaaa-bbbb-cccc',
    affected: [
      {
        package: { ecosystem: 'kubernetes', name: 'k8s.io/apiserver' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
        ...more,
      },
    ],
    database_specific: { severity: 'LOW' },
  });
  assert.equal(parseOsv(record({}), 'x').severity, 'warning');
  assert.equal(parseOsv({ ...record({}), database_specific: { severity: 'odd' } }, 'x').severity, 'major');
  const severity = [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }];
  assert.equal(parseOsv(record({ severity }), 'x').severity, 'critical');
});

test('the shipped advisories are read without corrections', () => {
  const folder = join(import.meta.dirname, '../../shields/advisories');
  const files = globSync('*.json', { cwd: folder });
  assert.ok(files.includes('CVE-2018-1002105.json'));
  for (const file of files) {
    const record = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { details: string };
    const advisory = parseOsv(record, file);
    assert.equal(`${advisory.id}.json`, file);
    assert.deepEqual(advisory.corrections, []);
    // Misconfigurations have no CVE, and nobody has scored them but us: the record says so then.
    const scored = advisory.cvss !== undefined;
    if (advisory.id.startsWith('CVE-')) assert.ok(scored, file);
    else assert.equal(scored, record.details.includes("The score is Portcullis's own"), file);
    assert.ok(advisory.references.length > 0);
  }
});

// The public feed, where a copy lies beside the work tree: every record of it must be read.
const feed = join(import.meta.dirname, '../../../shared/data/cve-feed-osv/vulns');
test('every record of the public feed is read', { skip: !existsSync(feed) }, () => {
  const files = globSync('*.json', { cwd: feed });
  assert.ok(files.length > 0);
  for (const file of files) {
    const advisory = parseOsv(JSON.parse(readFileSync(join(feed, file), 'utf8')), file);
    assert.ok(advisory.cvss !== undefined, file);
    assert.ok(
      advisory.affected.every(({ ranges }) => ranges.length > 0),
      file,
    );
  }
});
