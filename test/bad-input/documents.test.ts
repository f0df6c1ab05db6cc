// Documents that are wrong, through the real command line against a real controller: each is refused with the file and
// the place, and neither the state in force nor the log moves.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { verifyFolder } from '../../src/log/folder.ts';
import {
  assertClean,
  assertFailure,
  cli,
  contents,
  freePort,
  type Running,
  scratch,
  start,
} from '../cli/kit.ts';

const own = scratch('documents');
const data = own.path('data');
const root = join(import.meta.dirname, '../..');
let port: number;
let controller: Running;
let good: string;

const inventory = (changes: Record<string, string> = {}) =>
  Object.entries(changes).reduce(
    (text, [from, to]) => {
      assert.ok(text.includes(from), from);
      return text.replace(from, to);
    },
    `apiVersion: portcullis/v1
clusters:
  - name: lab
hosts:
  - name: cp
    cluster: lab
    addresses: [10.70.0.10]
    tags: [tier=control-plane]
  - name: node
    cluster: lab
    addresses: [10.70.0.11]
    tags: [tier=node]
servers:
  - name: lab/cp
    cluster: lab
    host: cp
    address: 10.70.0.10
    port: 6443
    gatePort: 16443
groups:
  - name: office
    addresses: [192.0.2.0/24]
    tags: [site=office]
`,
  );
const policy = (rule: string, more = '') => `apiVersion: portcullis/v1
rules:
  - id: test
    ${rule}
${more}`;

let files = 0;
/** A file of that name in a folder of its own. */
function file(name: string, text: string): string {
  files += 1;
  mkdirSync(own.path(`${files}`));
  const path = own.path(`${files}`, name);
  writeFileSync(path, text);
  return path;
}

before(async () => {
  port = await freePort();
  good = file('good.yaml', inventory());
  controller = start([
    'controller',
    '--data-dir',
    data,
    '--listen',
    `127.0.0.1:${port}`,
    '--probe-seconds',
    '3600',
    '--inventory',
    good,
  ]);
  await controller.said('the controller serves');
  // The first probe of the server, which nobody answers here, is logged once; after it nothing moves by itself.
  const events = start(['events', '-f', '--data-dir', data]);
  await events.said('FAILED');
  await events.end();
});
after(async () => {
  const { code } = (await controller?.end()) ?? {};
  own.remove();
  assert.equal(code, 0);
});

/** What must not move: the head of the log, of which everything in force is a projection. */
function standing(): string {
  const verdict = verifyFolder(join(data, 'controller'));
  assert.ok(verdict.ok);
  return `${verdict.entries} ${verdict.head.hash}`;
}

type Row = { what: string; text: string; code: string; says: (string | RegExp)[] };

const inventories: Row[] = [
  {
    what: 'broken YAML',
    text: inventory({ '[10.70.0.10]': '[10.70.0.10' }),
    code: 'bad-yaml',
    says: [/bad\.yaml:\d+:\d+: not valid YAML/],
  },
  {
    what: 'a key twice',
    text: inventory({ '    port: 6443': '    port: 6443\n    port: 6444' }),
    code: 'bad-yaml',
    says: ['bad.yaml:19:5', 'unique'],
  },
  {
    what: 'aliases',
    text: inventory({ 'clusters:': 'clusters: &all', 'groups:': 'x: *all\ngroups:' }),
    code: 'bad-yaml',
    says: ['aliases'],
  },
  { what: 'nothing', text: '', code: 'bad-inventory', says: ['bad.yaml'] },
  {
    what: 'an unknown field',
    text: inventory({ '    gatePort: 16443': '    gatport: 16443' }),
    code: 'bad-inventory',
    says: ['bad.yaml:14:5: servers.0', 'gatport'],
  },
  {
    what: 'what is no address',
    text: inventory({ '[10.70.0.11]': '[10.70.0.300]' }),
    code: 'bad-inventory',
    says: ['bad.yaml:11:17', 'hosts.1.addresses.0', "'10.70.0.300' is not an IP address"],
  },
  {
    what: 'an address that reads two ways',
    text: inventory({ '[10.70.0.11]': '[010.70.0.11]' }),
    code: 'bad-inventory',
    says: ['bad.yaml:11:17', "'010.70.0.11' is not an IP address"],
  },
  {
    what: 'a prefix with host bits',
    text: inventory({ '192.0.2.0/24': '192.0.2.1/24' }),
    code: 'bad-inventory',
    says: ['bad.yaml:22:17', 'host bits'],
  },
  {
    what: 'one address of two hosts',
    text: inventory({ '[10.70.0.11]': '[10.70.0.10]' }),
    code: 'bad-inventory',
    says: ['bad.yaml: hosts[1].addresses[0]', "already an address of host 'cp'"],
  },
  {
    what: "a server's address that is not its host's",
    text: inventory({ '    address: 10.70.0.10': '    address: 10.70.0.12' }),
    code: 'bad-inventory',
    says: ['bad.yaml: servers[0].address', "not an address of host 'cp'", 'belongs under also'],
  },
  {
    what: 'a host that nobody has',
    text: inventory({ '    host: cp': '    host: cp-2' }),
    code: 'bad-inventory',
    says: ['bad.yaml: servers[0].host', "no host 'cp-2'"],
  },
  {
    what: "everybody's address",
    text: inventory({ '[10.70.0.11]': '[0.0.0.0]' }),
    code: 'bad-inventory',
    says: ['bad.yaml: hosts[1].addresses[0]', "can't be the address of a machine"],
  },
  {
    what: 'a gate where the server listens',
    text: inventory({ 'gatePort: 16443': 'gatePort: 6443' }),
    code: 'bad-inventory',
    says: ['bad.yaml: servers[0].gatePort', 'choose a free port'],
  },
  {
    what: 'an observed tag, set by hand',
    text: inventory({ 'tier=node': 'patch=applied' }),
    code: 'bad-inventory',
    says: ['bad.yaml:12:12', "can't be declared"],
  },
  {
    what: 'a server at the port of SSH: its shield would close that',
    text: inventory({ 'port: 6443': 'port: 22' }),
    code: 'plan-locks-out',
    says: ['bad.yaml', 'SSH'],
  },
];

describe('an inventory is refused whole', { concurrency: 2 }, () => {
  for (const { what, text, code, says } of inventories) {
    test(what, async () => {
      const was = standing();
      const bad = file('bad.yaml', text);
      const answer = await cli(['inventory', 'apply', bad, '--data-dir', data]);
      assertFailure(answer, 1, [...says, bad, `[${code}]`]);
      assert.equal(standing(), was);
    });
  }
  test('that would put the gate where agents reach the controller', async () => {
    const text = inventory({ 'gatePort: 16443': `gatePort: ${port}` }).replaceAll('10.70.0.10', '127.0.0.1');
    const was = standing();
    const bad = file('bad.yaml', text);
    const answer = await cli(['inventory', 'apply', bad, '--data-dir', data]);
    assertFailure(answer, 1, [bad, 'where agents reach the controller', '[plan-locks-out]']);
    assert.equal(standing(), was);
  });
});

const policies: Row[] = [
  {
    what: 'broken YAML',
    text: 'rules: [',
    code: 'bad-yaml',
    says: [/bad\.yaml:1:\d+/],
  },
  {
    what: 'an unknown verdict',
    text: policy('{from: any, to: any, action: allow}'.slice(1, -1).replaceAll(', ', '\n    ')),
    code: 'bad-policy',
    says: ['bad.yaml:6:13', 'rules.0.action'],
  },
  {
    what: 'an expression that is none',
    text: policy('from: tier=node AND\n    to: any\n    action: pass'),
    code: 'bad-expression',
    says: ['bad.yaml: ', 'rules[0].from'],
  },
  {
    what: 'a rule that would cut the nodes off',
    text: policy('tier: break-glass\n    from: tier=node\n    to: any\n    action: deny'),
    code: 'plan-locks-out',
    says: ['bad.yaml: ', "rule 'policy/test' says deny", 'nodes and control-plane hosts'],
  },
  {
    what: "a rule that would cut the agents' controller off",
    text: policy('tier: break-glass\n    from: any\n    to: any\n    action: drop'),
    code: 'plan-locks-out',
    says: ['bad.yaml: ', 'controller'],
  },
];

describe('a policy is refused whole', { concurrency: 2 }, () => {
  for (const { what, text, code, says } of policies) {
    test(what, async () => {
      const was = standing();
      const bad = file('bad.yaml', text);
      const answer = await cli(['policy', 'apply', bad, '--data-dir', data]);
      assertFailure(answer, 1, [...says, bad, `[${code}]`]);
      assert.equal(standing(), was);
    });
  }
});

describe('an advisory is refused', () => {
  for (const [what, text] of [
    ['that is not JSON', '{"id": '],
    ['without what makes a record', '{"id": "CVE-2018-1002105"}'],
  ] as const) {
    test(what, async () => {
      const was = standing();
      const bad = file('bad.json', text);
      const record = join(root, 'shields/advisories/CVE-2018-1002105.json');
      assertFailure(await cli(['advisories', 'add', bad, '--data-dir', data]), 1, [bad, '[bad-advisory]']);
      assert.equal(standing(), was);
      // Beside one that is known already.
      const answer = await cli(['advisories', 'add', bad, record, '--data-dir', data]);
      assert.equal(answer.code, 3);
      assert.match(
        answer.stdout,
        /bad\.json +refused .*\[bad-advisory\]\n2 records: .* 1 unchanged, 1 refused\n$/s,
      );
      assert.equal(standing(), was);
    });
  }
});

describe('a controller does not start, and writes nothing,', () => {
  const shields = own.path('shields');
  const shield = join(shields, 'CVE-2018-1002105.yaml');
  before(() => {
    cpSync(join(root, 'shields'), shields, { recursive: true });
    const text = readFileSync(shield, 'utf8');
    // An exchange that must end open, where the attack's end is that it is cut.
    const wrong = text.replace('connection: closed', 'connection: open');
    assert.notEqual(wrong, text);
    writeFileSync(shield, wrong);
    mkdirSync(own.path('torn'));
    writeFileSync(own.path('torn', basename(shield)), `${text.slice(0, text.length / 2)}\n  "`);
    mkdirSync(own.path('empty'));
  });

  const fresh = own.path('fresh');
  const rows: readonly [what: string, args: readonly string[], says: readonly (string | RegExp)[]][] = [
    [
      'with a shield whose self-test fails',
      ['--shields', shields],
      [shield, /tests\[\d+\]/, '[shield-self-test]'],
    ],
    [
      'with a shield that is no YAML',
      ['--shields', own.path('torn')],
      [/torn\/[^ ]+:\d+:\d+: /, '[bad-yaml]'],
    ],
    ['without the folder of shields', ['--shields', own.path('none')], [own.path('none'), '[unreadable]']],
    [
      'without the inventory',
      ['--inventory', own.path('none.yaml')],
      [own.path('none.yaml'), '[unreadable]'],
    ],
    [
      'with an inventory that is none',
      ['--inventory', file('torn.yaml', inventory({ '[10.70.0.10]': '[10.70.0.10' }))],
      [/torn\.yaml:\d+:\d+/, '[bad-yaml]'],
    ],
    [
      'on every address, unsaid which one agents reach',
      ['--listen', '0.0.0.0:7443'],
      ['[advertise-missing]'],
    ],
  ];
  for (const [what, args, says] of rows) {
    test(what, async () => {
      const answer = await cli(['controller', '--data-dir', fresh, '--listen', '127.0.0.1:1', ...args]);
      assertFailure(answer, 1, says);
      assert.deepEqual(contents(fresh), {});
    });
  }

  test('with a policy that cuts its agents off: the file is named, and no plan was made', async () => {
    const folder = own.path('locked');
    const bad = file('locks.yaml', policies.at(-1)?.text ?? '');
    const args = ['--data-dir', folder, '--listen', `127.0.0.1:${await freePort()}`];
    const answer = await cli(['controller', ...args, '--inventory', good, '--policy', bad]);
    assertFailure(answer, 1, [bad, '[plan-locks-out]']);
    const events = await cli(['log', 'verify', '--data-dir', folder, '--json']);
    assert.equal(JSON.parse(events.stdout).ok, true);
  });

  test('where another one listens', async () => {
    const args = ['controller', '--data-dir', own.path('other'), '--listen', `127.0.0.1:${port}`];
    assertFailure(await cli(args), 1, [`port ${port}`, 'listens there', '[listen]']);
  });

  test('on a data folder that another one uses', async () => {
    const was = standing();
    const args = ['controller', '--data-dir', data, '--listen', `127.0.0.1:${await freePort()}`];
    const answer = await cli(args);
    assertFailure(answer, 1, [join(data, 'controller'), 'stop it', '[data-folder-in-use]']);
    assert.equal(standing(), was);
  });

  test('shields test says which exchanges went wrong, and answers 3', async () => {
    const answer = await cli(['shields', 'test', '--shields', shields]);
    assert.equal(answer.code, 3);
    assert.match(answer.stdout, /^MISS CVE-2018-1002105: /m);
    assertClean(answer);
    const json = await cli(['shields', 'test', '--shields', shields, '--json']);
    assert.equal(json.code, 3);
    assert.ok(JSON.parse(json.stdout).missed.length > 0);
  });
  for (const [what, folder, says] of [
    ['no folder', own.path('none'), '[unreadable]'],
    ['an empty one', own.path('empty'), '[no-shields]'],
    ['a torn shield', own.path('torn'), '[bad-yaml]'],
  ] as const) {
    test(`shields test with ${what}`, async () => {
      assertFailure(await cli(['shields', 'test', '--shields', folder]), 1, [folder, says]);
    });
  }
});
