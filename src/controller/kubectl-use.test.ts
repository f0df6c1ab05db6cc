import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Advisory } from '../model/advisory.ts';
import { kubectlUse } from './kubectl-use.ts';

const advisory = (id: string, component: string, fixed: string) =>
  ({
    id,
    affected: [{ component, package: 'p', ranges: [{ introduced: '0.0.0', fixed }] }],
  }) as unknown as Advisory;
const advisories = [
  advisory('CVE-2099-0001', 'kubectl', '1.12.9'),
  advisory('CVE-2099-0002', 'kubectl', '1.15.4'),
  advisory('CVE-2099-0003', 'kube-apiserver', '1.30.0'),
];
const counters = (version: string, count: number) => ({
  [`kubectl_connections_total{version="${version}"}`]: count,
});

test('summed over gates, with the flaws of each version', () => {
  const workers = [
    {
      kind: 'gate' as const,
      counters: { ...counters('1.12.2', 2), ...counters('1.29.0', 4), requests_total: 9 },
    },
    { kind: 'gate' as const, counters: { ...counters('1.12.2', 3), ...counters('other', 7) } },
    { kind: 'agent' as const, counters: counters('1.13.0', 1) },
    { kind: 'gate' as const, counters: counters('1.14.0', 0) },
  ];
  assert.deepEqual(kubectlUse(workers, advisories), [
    { version: 'v1.12.2', connections: 5, advisories: ['CVE-2099-0001', 'CVE-2099-0002'] },
    { version: 'v1.29.0', connections: 4, advisories: [] },
  ]);
  assert.deepEqual(kubectlUse([], advisories), []);
});
