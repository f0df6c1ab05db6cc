import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exposure } from '../model/advisory.ts';
import type { Core } from './core.ts';
import { buildExposure } from './exposure.ts';

const exposure = (advisory: string, status: Exposure['status']): Exposure => ({
  advisory,
  status,
  reason: 'r',
});

const affected = (end: { fixed?: string }) => [
  { component: 'kube-apiserver', package: 'p', ranges: [{ introduced: '0', ...end }] },
];

function coreWith(servers: Readonly<Record<string, readonly Exposure[] | undefined>>): Core {
  const names = Object.keys(servers);
  const seen = names.flatMap((name) => {
    const exposures = servers[name];
    return exposures
      ? [[name, { observation: { version: 'v1.2.3', tags: [], exposures }, exposedSince: { 'CVE-1-1': 0 } }]]
      : [];
  });
  return {
    knowledge: {
      shields: [],
      advisories: [
        { id: 'CVE-1-1', summary: 'one', severity: 'minor', cvss: 5, affected: affected({ fixed: '1.3.0' }) },
        { id: 'CVE-1-2', summary: 'two', severity: 'critical', cvss: 9.8, affected: affected({}) },
      ],
    },
    inventory: () => ({ clusters: [], hosts: [], servers: names.map((name) => ({ name, cluster: 'lab' })) }),
    policy: () => ({ shields: [] }),
    state: { servers: new Map(seen as never), stages: new Map(), modes: new Map() },
  } as unknown as Core;
}

test('gravest first; what is patched or another part’s is left out; a server that was never read is named', () => {
  const { exposures, unread } = buildExposure(
    coreWith({
      b: [exposure('CVE-1-1', 'vulnerable'), exposure('CVE-1-2', 'vendor-unknown')],
      a: [exposure('CVE-1-1', 'vulnerable'), exposure('CVE-1-2', 'patched')],
      silent: undefined,
    }),
  );
  assert.deepEqual(
    exposures.map(({ advisory, server, severity, since, unfixed }) => [
      advisory,
      server,
      severity,
      since,
      unfixed,
    ]),
    [
      ['CVE-1-2', 'b', 'critical', undefined, true],
      ['CVE-1-1', 'a', 'minor', '1970-01-01T00:00:00.000Z', undefined],
      ['CVE-1-1', 'b', 'minor', '1970-01-01T00:00:00.000Z', undefined],
    ],
  );
  assert.deepEqual(unread, ['silent']);
  assert.deepEqual(buildExposure(coreWith({})), { exposures: [], unread: [] });
});
