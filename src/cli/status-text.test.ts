import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ServerStatus, type StandingStatus, Status, type WorkerStatus } from '../model/api.ts';
import { renderStatus } from './status-text.ts';

const at = '2026-11-27T12:00:00.000Z';
const standing = (more: Partial<StandingStatus> = {}): StandingStatus => ({
  shield: 'CVE-2099-0001',
  tier: 1,
  severity: 'major',
  exposed: true,
  stage: 'observe',
  since: '2026-11-27T11:55:00.000Z',
  why: 'exposed',
  mode: 'enforce',
  modeFrom: 'tier',
  cover: 'waits',
  troubles: [],
  rides: false,
  unset: [],
  exemptions: [],
  seconds: {},
  ...more,
});
const server = (more: Partial<ServerStatus> = {}): ServerStatus => ({
  name: 'lab/cp',
  cluster: 'lab',
  host: 'cp',
  endpoint: { address: '10.0.0.1', port: 6443 },
  version: 'v1.12.2',
  probedAt: '2026-11-27T11:59:50.000Z',
  uncovered: [],
  tags: [],
  exposures: [],
  stages: [],
  ...more,
});
const worker = (more: Partial<WorkerStatus> = {}): WorkerStatus => ({
  kind: 'agent',
  name: 'cp',
  ok: true,
  detail: 'generation 3 in force',
  seenAt: at,
  wanted: 3,
  applied: 3,
  counters: {},
  ...more,
});
const status = (more: Partial<Status> = {}, columns?: number): string =>
  renderStatus(
    Status.parse({
      at,
      servers: [server()],
      workers: [worker()],
      log: { entries: 9, head: 'x' },
      incidents: 0,
      sessions: { accepted: 1, steered: 2, denied: 3 },
      ...more,
    }),
    columns,
  );

describe('servers', () => {
  test('what acts has a row; the rest is a number, by what it waits for', () => {
    const stages = [
      standing({ shield: 'CVE-2099-0002', cover: 'acts', stage: 'inspect', why: 'the gate is healthy' }),
      standing(),
      standing({
        shield: 'CVE-2099-0003',
        cover: 'shadow',
        mode: 'shadow',
        severity: 'minor',
        unset: ['users'],
      }),
      standing({ shield: 'CVE-2099-0004', cover: 'shadow', mode: 'shadow', severity: 'minor', rides: true }),
      standing({ shield: 'K8S-THING', cover: 'alert', tier: 4, severity: 'minor' }),
    ];
    const exposures = [{ advisory: 'CVE-2099-0009', status: 'vulnerable' as const, reason: 'r' }];
    const lines = status({ servers: [server({ stages, exposures })] }).split('\n');
    assert.match(
      lines[1] ?? '',
      /^lab\/cp +v1\.12\.2 +CVE-2099-0002 +inspect +enforce +5 min ago +the gate is healthy$/,
    );
    assert.match(
      lines[2] ?? '',
      /^ +5 more flaws +1 wait for your word \(1 major\), 2 in shadow, 1 without a shield, 1 only told of; in shadow and without steered callers to see: 1; without parameters of your site: 1$/,
    );
    assert.ok(lines.some((line) => line.endsWith('portcullis exposure')));
    assert.ok(!lines.some((line) => line.startsWith('PROBLEM')));
  });
  test('a shield that was lifted is told of for a day, and a patched server has nothing left to do', () => {
    const lifted = standing({ exposed: false, stage: 'lifted', why: 'patched', cover: 'waits' });
    const old = { ...lifted, since: '2026-11-20T00:00:00.000Z' };
    assert.match(status({ servers: [server({ stages: [lifted] })] }), /CVE-2099-0001 +lifted .* patched$/m);
    const later = status({ servers: [server({ stages: [old] })] });
    assert.match(later, /^lab\/cp +v1\.12\.2 +no known flaw$/m);
    assert.doesNotMatch(later, /portcullis exposure/);
  });
  test('a block that outlives its flaw is shown', () => {
    const stages = [standing({ exposed: false, stage: 'block', cover: 'acts', why: 'by hand' })];
    assert.match(status({ servers: [server({ stages })] }), /CVE-2099-0001 +block .* by hand$/m);
  });
});

describe('problems come first', () => {
  const ending = (role: 'agent' | 'authority', ends: string, ended: boolean): Partial<Status> => ({
    ending: [{ role, name: 'cp', ends, ended, todo: 'do this' }],
  });
  const rows: readonly [what: string, more: Partial<Status>, says: RegExp][] = [
    [
      'an identity that ends',
      ending('agent', '2026-12-17T12:00:00.000Z', false),
      /^agent cp +its identity ends in 20 d: do this$/m,
    ],
    [
      'an identity that has ended',
      ending('agent', '2026-11-24T12:00:00.000Z', true),
      /^agent cp +its identity ENDED 3 d ago: do this$/m,
    ],
    [
      "the authority's end",
      ending('authority', '2027-11-27T12:00:00.000Z', false),
      /^authority cp +its certificate ends in 365 d: do this$/m,
    ],
    [
      'a probe that failed',
      { servers: [server({ probeError: 'refused' })] },
      /^lab\/cp +probe FAILED: refused; v1\.12\.2 was read before$/m,
    ],
    [
      'a critical flaw with nothing before it',
      { servers: [server({ stages: [standing({ severity: 'critical' })] })] },
      /^lab\/cp +critical, and nothing acts: CVE-2099-0001$/m,
    ],
    [
      'what keeps stages from doing what they say, once',
      {
        servers: [
          server({
            stages: ['A-0001', 'A-0002'].map((shield) =>
              standing({
                shield,
                stage: 'inspect',
                cover: 'acts',
                troubles: ['callers may be refused: no gate'],
              }),
            ),
          }),
        ],
      },
      /^lab\/cp +callers may be refused: no gate \(A-0001, A-0002\)$/m,
    ],
    ['a worker', { workers: [worker({ ok: false, detail: 'silent' })] }, /^agent cp +NOT OK: silent$/m],
    ['a plan that is late', { workers: [worker({ wanted: 4 })] }, /^agent cp +has plan 3, and 4 is wanted$/m],
    [
      'a policy on trial',
      { policy: { generation: 2, confirmBy: at } },
      /^policy +generation 2 is on trial until .*: portcullis policy confirm$/m,
    ],
    [
      'a bundle that is over',
      {
        bundles: [
          {
            ...{ name: 'core', version: 3, key: 'ABCDEF0123456789', digest: '0'.repeat(64) },
            ...{
              createdAt: at,
              expires: at,
              expired: true,
              usedAt: at,
              by: 'admin',
              state: 'in-force' as const,
            },
          },
        ],
      },
      /^bundle core +version 3 EXPIRED at .*, and stays in force$/m,
    ],
    [
      'a verification that failed',
      { verifications: [{ cluster: 'lab', id: 'abc', at, failed: 2 }] },
      /^verify lab +2 checks FAILED .*: portcullis verify show abc$/m,
    ],
  ];
  for (const [what, more, says] of rows)
    test(what, () => {
      const shown = status(more);
      assert.match(shown, /^PROBLEM +WHAT\n/);
      assert.match(shown, says);
    });
  test('none: no heading', () => assert.doesNotMatch(status(), /PROBLEM/));
});

describe('many of a kind', () => {
  const kubelet = (name: string, more = {}) => ({
    name: `kubelet/${name}`,
    component: 'kubelet' as const,
    cluster: 'lab',
    host: name,
    version: 'v1.12.2',
    unshielded: [],
    stages: [],
    ...more,
  });
  test('parts that stand alike are one row; one that differs has its own; sound ones are a line', () => {
    const { rides: _, exemptions: __, seconds: ___, ...waiting } = standing();
    const blocked = { ...waiting, stage: 'block' as const, cover: 'acts' as const };
    const parts = [
      kubelet('a', { stages: [waiting] }),
      kubelet('b', { stages: [waiting] }),
      kubelet('c', { stages: [blocked] }),
      { ...kubelet('d'), name: 'kube-proxy/d', component: 'kube-proxy' as const },
    ];
    const shown = status({ parts });
    assert.match(shown, /^kubelet of lab \(2\) +v1\.12\.2 +1 flaw +1 wait for your word \(1 major\)$/m);
    assert.match(shown, /^kubelet\/c +v1\.12\.2 +CVE-2099-0001 +block /m);
    const idle = {
      ...waiting,
      stage: 'block' as const,
      troubles: ['CVE-2099-0001 closes nothing: no agent'],
    };
    const wrong = status({ parts: [kubelet('a', { stages: [idle] }), kubelet('b', { stages: [idle] })] });
    assert.match(wrong, /^kubelet\/a and 1 more +CVE-2099-0001 closes nothing: no agent$/m);
    assert.match(shown, /^no known flaw: kube-proxy\/d v1\.12\.2$/m);
  });
  test('of many workers only those that are not well', () => {
    const workers = Array.from({ length: 40 }, (_, at) => worker({ name: `n-${at}`, ok: at !== 7 }));
    const shown = status({ workers });
    assert.match(shown, /^agent n-7 +NOT OK /m);
    assert.doesNotMatch(shown, /^agent n-8/m);
    assert.match(shown, /^39 more agents and gates are ok/m);
  });
  test('what shadows found and what exemptions were used, over all gates', () => {
    const counters = {
      'shadow_findings_total{rule="CVE-2099-0001/a"}': 2,
      'shadow_findings_total{rule="CVE-2099-0001/b"}': 3,
      'shadow_findings_total{rule="K8S-THING/a"}': 4,
      'exemptions_used_total{exemption="backup"}': 1,
    };
    const servers = [server({ stages: [standing({ shield: 'K8S-THING', tier: 4, cover: 'alert' })] })];
    const shown = status({ servers, workers: [worker({ kind: 'gate', counters })] });
    assert.match(shown, /^alerts: K8S-THING 4; portcullis events --kind incident$/m);
    assert.match(shown, /^shadows found: CVE-2099-0001 5; /m);
    assert.match(shown, /^exemptions used: backup 1; portcullis exempt list$/m);
  });
});

test('old kubectls in use are named, others are not', () => {
  const kubectl = [
    { version: 'v1.29.0', connections: 9, advisories: [] },
    { version: 'v1.12.2', connections: 3, advisories: ['CVE-2019-11249', 'CVE-2019-11246'] },
  ];
  assert.match(
    status({ kubectl }),
    /^kubectl with known flaws in use: v1\.12\.2 \(3 connections\); CVE-2019-11246, CVE-2019-11249: /m,
  );
  assert.doesNotMatch(status({ kubectl: kubectl.slice(0, 1) }), /kubectl/);
});

test('no line is wider than the terminal', () => {
  const stages = [
    standing({
      cover: 'acts',
      stage: 'block',
      why: 'a reason that is a good deal longer than there is room for '.repeat(4),
    }),
    standing({ shield: 'CVE-2099-0002' }),
  ];
  const uncovered = [
    'a way that no agent judges, told of in a sentence of some length, so that it must be wrapped',
  ];
  for (const columns of [80, 100, 140])
    for (const line of status({ servers: [server({ stages, uncovered })] }, columns).split('\n'))
      assert.ok(line.length <= columns, `${columns}: ${line}`);
});
