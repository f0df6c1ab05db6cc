import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WhyAnswer } from '../model/api.ts';
import { findAccessRecord } from './find-access-record.ts';
import { explanation, recordText } from './why-text.ts';

const incident: Extract<WhyAnswer, { kind: 'request' }>['findings'][number]['incident'] = {
  id: '0001-aaaa',
  verdict: '0001-verdict',
  at: '2026-01-01T00:00:00.000Z',
  gate: 'cp-1',
  server: 'lab/cp',
  generation: 7,
  stage: 'inspect',
  serverTags: ['deployment=prod'],
  shield: 'CVE-2018-1002105',
  rule: 'talks-after-refusal',
  action: 'close-client-and-server',
  severity: 'critical',
  message: 'Bytes came after a refused upgrade.',
  who: {
    method: 'certificate',
    user: 'eve\u001b[31m',
    groups: ['dev'],
    from: { address: '10.9.0.1', name: 'laptop', tags: ['site=office'] },
    port: 4711,
  },
  what: {
    requestLine: 'GET /api/v1/nodes?watch',
    headerNames: ['host', 'connection'],
    connection: 'Upgrade',
    responseStatus: 403,
    heldBytes: Buffer.from('GET /runningpods/\r\n').toString('base64'),
    heldLength: 19,
  },
};

test('an explanation says what, who, both ends, the stage then and now, and the evidence, safe for a terminal', () => {
  const now = { stage: 'lifted', since: '2026-02-01T00:00:00.000Z', by: 'policy', why: 'proven' } as const;
  const text = explanation({ id: '0001-verdict', kind: 'request', findings: [{ seq: 9, incident, now }] });
  for (const part of [
    '0001-verdict: one finding',
    'Bytes came after a refused upgrade.',
    'cut on both sides (critical)',
    'talks-after-refusal of CVE-2018-1002105',
    'by gate cp-1, plan 7',
    'eve?[31m, groups dev',
    'laptop (10.9.0.1) port 4711 (site=office)',
    'lab/cp (deployment=prod)',
    'inspect at the time; lifted now, since 2026-02-01T00:00:00.000Z: proven',
    'GET /api/v1/nodes?watch',
    'the server answered 403',
    '19 bytes that never reached the server',
    '"GET /runningpods/\\r\\n"',
    'entry 9',
  ]) {
    assert.ok(text.includes(part), `${part} in\n${text}`);
  }
  assert.ok(!text.includes('\u001b'));
});

test('what is not known is left out', () => {
  const { stage: _stage, serverTags: _tags, verdict: _verdict, ...old } = incident;
  const bare = {
    ...old,
    shield: 'portcullis',
    rule: 'obs-fold',
    who: { ...old.who, user: undefined, method: 'bearer' as const, groups: [] },
    what: { requestLine: '', headerNames: [], heldBytes: '', heldLength: 0 },
  };
  const text = explanation({
    id: '0001-aaaa',
    kind: 'request',
    findings: [
      { seq: 1, incident: bare },
      { seq: 2, incident: bare },
    ],
  });
  assert.match(text, /^0001-aaaa: 2 findings about one request$/m);
  assert.match(text, /^who +somebody with a bearer token$/m);
  assert.match(text, /^rule +obs-fold, the gate's own$/m);
  assert.doesNotMatch(text, /^(stage|request|headers|held|evidence|answer|shield|fires)\b/m);
});

test('a request that was let through is found in access records, by either id', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-why-'));
  const path = join(folder, 'access.log');
  const record = {
    id: 'verdict-1',
    auditId: 'Audit.1',
    method: 'GET',
    path: '/a\u001b',
    query: ['x', 'y'],
    groups: [],
  };
  writeFileSync(
    path,
    `{"id":"verdict-2","path":"verdict-1"}\nnonsense verdict-1\n${JSON.stringify(record)}\n{"id":"verdict-1`,
  );
  assert.deepEqual(await findAccessRecord(path, 'verdict-1'), record);
  assert.deepEqual(await findAccessRecord(path, 'Audit.1'), record);
  assert.equal(await findAccessRecord(path, 'verdict-3'), undefined);
  await assert.rejects(findAccessRecord(join(folder, 'none'), 'x'), { code: 'unreadable' });
  const text = recordText('verdict-1', record);
  assert.match(text, /^verdict-1: nothing refused it\n\n/);
  assert.match(text, /^path +\/a\?$/m);
  assert.match(text, /^query +x, y$/m);
  assert.doesNotMatch(text, /^groups/m);
  assert.match(recordText('v', { refusal: 'overloaded' }), /^v: refused: overloaded\n/);
  rmSync(folder, { recursive: true });
});

test('a session is told with the rule that decided, and what decides now', () => {
  const text = explanation({
    id: '0001-session',
    kind: 'session',
    session: {
      id: '0001-session',
      agent: 'cp-1',
      server: 'prod/cp-1',
      generation: 7,
      verdict: 'denied',
      rule: 'policy/no-lab',
      from: { address: '10.9.0.5', name: 'lab', tags: ['site=lab'] },
      to: { address: '10.0.0.1', port: 6443 },
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T00:00:05.000Z',
      attempts: 3,
      bytesOut: 0,
      bytesIn: 0,
      packetsOut: 0,
      packetsIn: 0,
    },
    now: {
      server: 'prod/cp-1',
      endpoints: [],
      tags: [],
      policy: 2,
      plan: 8,
      shields: [],
      callers: [],
      more: 0,
    },
  });
  for (const part of [
    'a session that was denied',
    'policy/no-lab',
    'lab (10.9.0.5) (site=lab)',
    '3 packets refused, by agent cp-1, plan 7',
    'now:\nserver prod/cp-1: policy generation 2, plan 8',
  ])
    assert.ok(text.includes(part), text);
});
