import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExposedServer } from '../model/api.ts';
import { isOpen } from '../policy/open-exposure.ts';
import { renderExposure } from './exposure-text.ts';

const row = (more: Partial<ExposedServer> = {}): ExposedServer => ({
  server: 'lab/cp',
  component: 'kube-apiserver',
  cluster: 'lab',
  version: 'v1.12.2',
  summary: 'a flaw',
  severity: 'major',
  cvss: 7.5,
  advisory: 'CVE-2099-0001',
  status: 'vulnerable',
  reason: 'r',
  since: '2026-11-27T00:00:00.000Z',
  stage: 'observe',
  mode: 'enforce',
  tier: 1,
  cover: 'waits',
  next: { at: 'lab/cp', stage: 'inspect' },
  gap: 'nothing stands before it',
  ...more,
});
const now = Date.parse('2026-11-27T00:05:00.000Z');
const text = (rows: readonly ExposedServer[], more = {}) =>
  renderExposure(rows, [], { all: false, now, ...more });

test('open is what somebody could end and nobody does', () => {
  const rows: readonly [Partial<ExposedServer>, boolean][] = [
    [{ cover: 'acts' }, false],
    [{ cover: 'acts', unfixed: true }, false],
    [{ cover: 'waits' }, true],
    [{ cover: 'waits', unfixed: true }, true],
    [{ cover: 'shadow' }, true],
    [{ cover: 'shadow', unfixed: true }, false],
    [{ cover: 'alert' }, true],
    [{ cover: 'alert', unfixed: true }, false],
    [{ cover: 'none' }, true],
    [{ cover: 'none', unfixed: true }, false],
  ];
  for (const [more, open] of rows) assert.equal(isOpen(row(more)), open, JSON.stringify(more));
});

describe('what people read', () => {
  const kubelet = (node: string): ExposedServer =>
    row({
      server: `kubelet/${node}`,
      component: 'kubelet',
      host: node,
      next: { at: `kubelet/${node}`, stage: 'block' },
    });

  test('parts that stand alike are one line, and the word that is waited for stands there to be copied', () => {
    const shown = text([kubelet('a'), kubelet('b'), kubelet('c')]);
    assert.match(
      shown,
      /^CVE-2099-0001 +major 7\.5 +kubelet of lab \(3\) +v1\.12\.2 +5 min +observe +waits for you$/m,
    );
    assert.match(shown, /^3 exposures of 0 servers and 3 other parts; 3 left undone/m);
    assert.match(
      shown,
      /^ *3 wait for your word: portcullis stage kubelet\/a CVE-2099-0001 block --why "…"/m,
    );
  });
  test('what no release fixes is counted, and shown with all', () => {
    const rows = [row(), row({ advisory: 'K8S-THING', cover: 'alert', unfixed: true, tier: 4 })];
    assert.doesNotMatch(text(rows), /^K8S-THING/m);
    assert.match(text(rows), /^1 that no release fixes .* \(--all\): 1 only told of \(1 major\)$/m);
    assert.match(text(rows, { all: true }), /^K8S-THING .* only tells$/m);
    assert.doesNotMatch(text(rows, { all: true }), /not shown/);
  });
  test('what acts says what stays open; what does not says which parameters it lacks', () => {
    const shown = text([
      row({ cover: 'acts', gap: 'watches go on' }),
      row({ advisory: 'CVE-2099-0002', cover: 'shadow', unset: ['users'] }),
      row({ advisory: 'CVE-2099-0003', unenforced: true, gap: 'the host has no agent' }),
    ]);
    assert.match(shown, /acts +watches go on$/m);
    assert.match(shown, /in shadow +rules are off until the policy sets users$/m);
    assert.match(shown, /waits for you +the host has no agent$/m);
  });
  test('a version that only its vendor can judge is marked, and no line is wider than the terminal', () => {
    const gap =
      'a long sentence about what stays open, which does not fit beside the other columns of this table';
    for (const columns of [60, 80, 100, 140]) {
      const shown = text([row({ status: 'vendor-unknown', cover: 'acts', gap }), kubelet('a')], { columns });
      assert.match(shown, /v1\.12\.2 \(\?\)/);
      assert.match(shown, /^\(\?\): /m);
      if (columns >= 100)
        for (const line of shown.split('\n')) assert.ok(line.length <= columns, `${columns}: ${line}`);
    }
  });
  test('nothing at all, and a server of which nothing is known', () => {
    assert.equal(text([]), 'No server is known to have a flaw.');
    const unread = renderExposure([], ['lab/silent'], { all: false, now });
    assert.match(unread, /^Nothing is known of lab\/silent: /);
  });
});
