import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExposedServer } from '../model/api.ts';
import type { ListedShield, ShieldAnswer } from '../model/catalogue.ts';
import { renderShield, renderShields } from './shields-text.ts';

const listed = (more: Partial<ListedShield> = {}): ListedShield => ({
  id: 'CVE-2099-0001',
  title: 'A flaw',
  tier: 2,
  severity: 'major',
  component: 'kube-apiserver',
  mode: 'shadow',
  modes: [],
  applies: { servers: 0, parts: 0, acts: 0 },
  ...more,
});
const wide = (rows: Parameters<typeof renderShields>[0]) => renderShields(rows, undefined);

test('the list: the mode and where it is another, where each comes from, and what it applies to', () => {
  const at = (server: string) => ({ cluster: 'lab', server, mode: 'off', from: 'person' }) as const;
  const rows = [
    listed({ tier: 1, mode: 'enforce', applies: { servers: 1, parts: 0, acts: 1 } }),
    listed({
      id: 'CVE-2099-0002',
      modes: [{ cluster: 'prod', mode: 'enforce', from: 'policy' }, at('lab/cp')],
      bundle: { name: 'core', version: 3 },
      applies: { servers: 2, parts: 1, acts: 2 },
    }),
    listed({
      id: 'K8S-THING',
      tier: 4,
      component: 'kubelet',
      modes: ['a', 'b', 'c', 'd', 'e'].map(at),
      applies: { servers: 0, parts: 5, acts: 0 },
    }),
    listed({ id: 'CVE-2099-0003', title: 'A flaw\u001b[31m of nobody' }),
  ];
  assert.equal(
    wide(rows),
    `\
SHIELD         TIER  SEVERITY  COMPONENT       MODE                                                FROM           APPLIES TO                     WHAT
CVE-2099-0001  1     major     kube-apiserver  enforce                                             shipped        1 server (acts)                A flaw
CVE-2099-0002  2     major     kube-apiserver  shadow, but enforce at cluster prod, off at lab/cp  bundle core 3  2 servers, 1 part (acts at 2)  A flaw
K8S-THING      4     major     kubelet         shadow, but off at a, off at b, off at c, 2 more    shipped        5 parts (does not act)         A flaw
CVE-2099-0003  2     major     kube-apiserver  shadow                                              shipped        -                              A flaw?[31m of nobody
4 shields, 1 from bundles; 3 apply here, 2 act`,
  );
});

test('without a controller nothing is said of a site', () => {
  const { modes: _, applies: __, ...bare } = listed();
  assert.equal(
    wide([bare]),
    `\
SHIELD         TIER  SEVERITY  COMPONENT       MODE    WHAT
CVE-2099-0001  2     major     kube-apiserver  shadow  A flaw
1 shield; what a controller has in force: without --shipped or --shields`,
  );
});

const place: ExposedServer = {
  ...{ server: 'lab/cp', component: 'kube-apiserver', cluster: 'lab', version: 'v1.12.2', summary: 's' },
  ...{ severity: 'major', advisory: 'CVE-2099-0001', status: 'vulnerable', reason: 'r' },
  ...{
    since: '2026-11-27T00:00:00.000Z',
    stage: 'inspect',
    mode: 'shadow',
    tier: 2,
    cover: 'shadow',
    gap: 'all',
  },
};
const shield: ShieldAnswer['shield'] = {
  ...{ apiVersion: 'portcullis/v1', kind: 'Shield', id: 'CVE-2099-0001', title: 'A flaw', tier: 2 },
  ...{ severity: 'major', component: 'kube-apiserver', description: 'What it is.\n' },
  firstResponse: { pass: [], action: 'deny' },
  deeperDefense: {
    rules: [{ id: 'cut', phase: 'request', when: 'true', action: 'deny', severity: 'major', message: 'No.' }],
  },
  lift: { when: ['version', 'upgrade-probe'] },
  falsePositives: 'None.\n',
  references: ['https://example.org/flaw'],
};
const show = (more: object) =>
  renderShield({ ...listed(), shield, ...more }, { now: Date.parse(place.since ?? '') + 300_000 });

test('one shield: what it does, what can be set, what stays open, and where it stands', () => {
  const parameters = {
    users: { meaning: 'Who may.', default: ['a', 'b'] },
    sites: { meaning: 'Where.', default: ['x'], site: true as const },
    none: { meaning: 'Nobody.', default: [] },
  };
  const more = {
    shield: { ...shield, parameters, residual: 'The rest.' },
    places: [place],
    exemptions: ['old'],
  };
  assert.equal(
    show(more),
    `\
CVE-2099-0001: A flaw
tier 2, major, about kube-apiserver; shipped
mode shadow
exemptions in force: old

What it is.

At block it closes the API server to all but the cluster and break-glass hosts (deny).
At inspect it judges by these rules:

RULE  PHASE    ACTION  SEVERITY  MESSAGE
cut   request  deny    major     No.

PARAMETER  UNLESS THE POLICY SAYS ELSE                                 MEANING
users      a b                                                         Who may.
sites      for the site to set: rules that name it are off until then  Where.
none       none                                                        Nobody.

Lifted: the version that was read is patched, and the safe probe proves it.
Wrongly refused: None.
Stays open: The rest.

ADVISORY       SEVERITY  SERVER  VERSION  SINCE  STAGE    SHIELD     STAYS OPEN
CVE-2099-0001  major     lab/cp  v1.12.2  5 min  inspect  in shadow

https://example.org/flaw`,
  );
});

test('a shield that closes services, and one that is the gate’s own work', () => {
  const closes = {
    ...shield,
    firstResponse: { services: ['kubelet', 'etcd'], pass: ['label=metrics'], action: 'drop' },
    deeperDefense: { rules: [] },
  };
  assert.match(
    show({ shield: closes, places: [] }),
    /\n\nAt block it closes kubelet, etcd to all but API servers, break-glass hosts, whom your rules name and label=metrics \(drop\)\.\nThere is nothing for a gate to inspect\.\n\nLifted: (.*\n)+\nNo server or other part is known to have the flaw\.\n/,
  );
  const own = { ...shield, deeperDefense: { rules: [], byGate: ['a', 'b'], stripHeaders: ['user-agent'] } };
  assert.match(
    show({ shield: own }),
    /\nAt inspect the gate refuses of itself: a, b\.\nAt inspect it takes out of requests: user-agent\.\n\nLifted/,
  );
});
