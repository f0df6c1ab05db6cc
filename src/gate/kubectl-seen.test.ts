import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldTable } from '../http/field-table.ts';
import { createKubectlSeen } from './kubectl-seen.ts';

function fields(...agents: readonly string[]): FieldTable {
  return {
    find: (name: string, from = 0) => (name === 'user-agent' && from < agents.length ? from : -1),
    valueText: (index: number) => agents[index] ?? '',
  } as unknown as FieldTable;
}

test('the version of kubectl, and of nothing else', () => {
  const rows: readonly [readonly string[], string | undefined][] = [
    [['kubectl/v1.12.2 (linux/amd64) kubernetes/17c77c7'], '1.12.2'],
    [['kubectl.exe/v1.29.0 (windows/amd64) kubernetes/3f7a50f'], '1.29.0'],
    [['kubectl/v1.27.3-gke.100 (linux/amd64)'], '1.27.3'],
    [['kubectl/v1.28.2+k3s1'], '1.28.2'],
    [['kubectl/v1.30.0'], '1.30.0'],
    [['kubectl/v1.30.0\u0022x'], undefined],
    [['kubectl/v1.1234.0 (linux)'], undefined],
    [['kubectl/v2.0.0 (linux)'], undefined],
    [['mykubectl/v1.12.2 (linux/amd64)'], undefined],
    [['kubelet/v1.12.2 (linux/amd64)'], undefined],
    [['Go-http-client/2.0'], undefined],
    [['kubectl/v1.12.2', 'kubectl/v1.13.0'], undefined],
    [[], undefined],
  ];
  const seen = createKubectlSeen();
  for (const [agents, version] of rows) assert.equal(seen(fields(...agents)), version, agents.join());
});

test('a caller with ever new versions fills no memory, and takes nobody else away', () => {
  const seen = createKubectlSeen();
  const labels = new Set(
    Array.from({ length: 5_000 }, (_, i) =>
      seen(fields(`kubectl/v1.${i % 100}.${Math.floor(i / 100)} (linux)`)),
    ),
  );
  assert.equal(labels.size, 65);
  assert.ok(labels.has('other'));
  assert.equal(seen(fields('kubectl/v1.0.0 (linux)')), '1.0.0');
});
