// A host that can't or mustn't be enforced on: programs or rights missing, certificates that don't fit, documents that
// contradict each other, somebody else at work. Nothing starts, no file is written, no table is touched.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAuthority, issue, type KeyPair } from '../../src/platform/pki.ts';
import { run } from '../../src/platform/run.ts';
import { type Answer, assertFailure, cli, contents, type Place, scratch, start } from '../cli/kit.ts';

const own = scratch('host');
const namespace = `pcb-${process.pid}-host`;
const inside: readonly string[] = ['ip', 'netns', 'exec', namespace];
const data = own.path('data');

const inventory = (address = '10.70.0.10') => `apiVersion: portcullis/v1
clusters: [{ name: lab }]
hosts: [{ name: cp, cluster: lab, addresses: [10.70.0.10], tags: [tier=control-plane] }]
servers: [{ name: lab/cp, cluster: lab, host: cp, address: ${address} }]
`;

async function must(...words: readonly string[]): Promise<string> {
  const [file = '', ...args] = words;
  const ran = await run(file, args);
  assert.equal(ran.code, 0, `${words.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

/** A folder in kubeadm's layout; `spoil` changes it. */
async function pki(
  name: string,
  spoil: (write: (file: string, text: string) => void, made: Made) => Promise<void>,
): Promise<string> {
  const folder = own.path('pki', name);
  mkdirSync(folder, { recursive: true });
  const made = await authorities;
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  const server = await issue(made.ca, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['10.70.0.10'],
    days: 1,
  });
  const proxy = await issue(made.proxyCa, {
    subject: { commonName: 'front-proxy-client' },
    use: ['client'],
    days: 1,
  });
  write('ca.crt', made.ca.certificate);
  write('apiserver.crt', server.certificate);
  write('apiserver.key', server.key);
  write('front-proxy-client.crt', proxy.certificate);
  write('front-proxy-client.key', proxy.key);
  await spoil(write, made);
  return folder;
}
type Made = { readonly ca: KeyPair; readonly proxyCa: KeyPair; readonly other: KeyPair };
const authorities: Promise<Made> = Promise.all([
  createAuthority('kubernetes', 1),
  createAuthority('front-proxy-ca', 1),
  createAuthority('other', 1),
]).then(([ca, proxyCa, other]) => ({ ca, proxyCa, other }));
let goodPki: string;
let ruleset: string;

before(async () => {
  if (process.getuid?.() !== 0) throw new Error('these tests make network namespaces: run them as root');
  await must('ip', 'netns', 'add', namespace);
  await must('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  await must('ip', '-n', namespace, 'address', 'add', '10.70.0.10/32', 'dev', 'lo');
  // Somebody's own table, which must stand afterwards as it stood before.
  await must(...inside, 'nft', 'add table inet somebody; add chain inet somebody c');
  ruleset = await must(...inside, 'nft', 'list', 'ruleset');
  goodPki = await pki('good', async () => {});
  writeFileSync(own.path('good.yaml'), inventory());
});
after(async () => {
  own.remove();
  await run('ip', ['netns', 'delete', namespace]);
});

const up = (more: readonly string[] = [], place: Place = { before: inside }): Promise<Answer> => {
  const defaults = {
    '--data-dir': data,
    '--host': 'cp',
    '--inventory': own.path('good.yaml'),
    '--pki': goodPki,
  };
  const given = Object.entries(defaults).filter(([name]) => !more.includes(name));
  return cli(['up', ...given.flat(), ...more], place);
};

async function assertUntouched(): Promise<void> {
  assert.equal(await must(...inside, 'nft', 'list', 'ruleset'), ruleset);
  assert.deepEqual(contents(data), {});
}

/** A private view of the file system in which programs of /usr/sbin are missing. */
const without = (...programs: readonly string[]): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-euc',
  `sbin=$(readlink -f /usr/sbin); mkdir -p "$1"; mount --bind "$sbin" "$1"; mount -t tmpfs none "$sbin"
   for file in "$1"/*; do case " ${programs.join(' ')} " in *" \${file##*/} "*) ;; *) ln -s "$file" "$sbin/" ;; esac; done
   shift; exec "$@"`,
  'sh',
  own.path('sbin', programs.join('-')),
];

describe('programs that are missing are named with their package', { concurrency: 2 }, () => {
  for (const [program, name] of [
    ['nft', 'nftables'],
    ['conntrack', 'conntrack'],
  ] as const) {
    for (const command of [['remove'], ['up']]) {
      test(`${command[0]} without ${program}`, async () => {
        const place = { before: [...without(program), ...inside] };
        const answer =
          command[0] === 'up' ? await up([], place) : await cli(['remove', '--data-dir', data], place);
        assertFailure(answer, 1, [
          `'${program}' is not installed`,
          `apt-get install ${name}`,
          '[program-missing]',
        ]);
        await assertUntouched();
      });
    }
  }
});

describe('rights that are missing are asked for', { concurrency: 2 }, () => {
  // As root without the one capability; and as nobody, who may not be able to read this folder at all.
  const powerless = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const rows: readonly [what: string, run: (place: Place) => Promise<Answer>][] = [
    ['up', (place) => up([], place)],
    ['remove', (place) => cli(['remove', '--data-dir', data], place)],
    [
      'protect',
      (place) =>
        cli(['protect', '--kubeconfig', own.path('none'), '--pki', goodPki, '--data-dir', data], place),
    ],
  ];
  for (const [what, act] of rows) {
    test(what, async () => {
      assertFailure(await act({ before: [...inside, ...powerless] }), 1, [
        'CAP_NET_ADMIN',
        '[not-privileged]',
      ]);
      await assertUntouched();
    });
  }
  test('remove, by nobody', async (t) => {
    const reaches = await run('setpriv', [
      ...nobody.slice(1),
      'test',
      '-r',
      join(import.meta.dirname, '../../package.json'),
    ]);
    if (reaches.code !== 0) return t.skip('nobody can not read this folder');
    const env = { NODE_COMPILE_CACHE: '' };
    const answer = await cli(['remove', '--data-dir', data], { before: [...inside, ...nobody], env });
    assertFailure(answer, 1, ['CAP_NET_ADMIN', '[not-privileged]']);
    await assertUntouched();
  });
  test('status, by nobody: the identity is not theirs', async (t) => {
    const reaches = await run('setpriv', [
      ...nobody.slice(1),
      'test',
      '-r',
      join(import.meta.dirname, '../../package.json'),
    ]);
    if (reaches.code !== 0) return t.skip('nobody can not read this folder');
    const env = { NODE_COMPILE_CACHE: '' };
    const answer = await cli(['status', '--data-dir', own.dir], { before: nobody, env });
    assertFailure(answer, 1, [own.dir, 'as the user who runs the controller', '[not-enrolled]']);
  });
});

describe('certificates that do not fit are named before anything starts', { concurrency: 2 }, () => {
  const rows: readonly [what: string, spoil: Parameters<typeof pki>[1], says: readonly string[]][] = [
    [
      'expired',
      async (write, { ca }) => {
        const subject = { commonName: 'kube-apiserver' };
        const pair = await issue(ca, { subject, use: ['server'], names: ['10.70.0.10'], days: -1 });
        write('apiserver.crt', pair.certificate);
        write('apiserver.key', pair.key);
      },
      ['apiserver.crt', '[certificate-expired]'],
    ],
    [
      'another key',
      async (write, { other }) => write('apiserver.key', other.key),
      ['apiserver.key', 'apiserver.crt', '[key-mismatch]'],
    ],
    [
      "another cluster's",
      async (write, { other }) => write('ca.crt', other.certificate),
      ['apiserver.crt', 'ca.crt', '[certificate-chain]'],
    ],
    [
      'for the wrong side',
      async (write, { proxyCa }) => {
        const subject = { commonName: 'front-proxy-client' };
        const pair = await issue(proxyCa, { subject, use: ['server'], days: 1 });
        write('front-proxy-client.crt', pair.certificate);
        write('front-proxy-client.key', pair.key);
      },
      ['front-proxy-client.crt', 'not for client authentication', '[certificate-use]'],
    ],
    ['no certificate', async (write) => write('ca.crt', 'hello'), ['ca.crt', '[bad-certificate]']],
    [
      'no key',
      async (write) => write('front-proxy-client.key', 'hello'),
      ['front-proxy-client.key', '[bad-key]'],
    ],
  ];
  for (const [what, spoil, says] of rows) {
    test(what, async () => {
      const folder = await pki(what.replaceAll(/\W/g, '-'), spoil);
      assertFailure(await up(['--pki', folder]), 1, [join(folder, says[0] ?? ''), ...says]);
      await assertUntouched();
    });
  }
  test('missing', async () => {
    assertFailure(await up(['--pki', own.path('none')]), 1, [
      own.path('none'),
      'no such file',
      '--pki DIR',
      '[unreadable]',
    ]);
    await assertUntouched();
  });
});

describe('documents that do not fit are named before anything starts', { concurrency: 2 }, () => {
  const write = (name: string, text: string) => {
    writeFileSync(own.path(name), text);
    return own.path(name);
  };
  test('an inventory that is no YAML', async () => {
    const file = write('torn.yaml', 'servers: [');
    assertFailure(await up(['--inventory', file]), 1, [`${file}:1:`, '[bad-yaml]']);
    await assertUntouched();
  });
  test('an inventory that contradicts itself', async () => {
    const file = write('other.yaml', inventory('10.70.0.12'));
    assertFailure(await up(['--inventory', file]), 1, [`${file}: servers[0].address`, '[bad-inventory]']);
    await assertUntouched();
  });
  test('a policy with an unknown field', async () => {
    const file = write('policy.yaml', 'apiVersion: portcullis/v1\nrule: []\n');
    assertFailure(await up(['--policy', file]), 1, [file, '"rule"', '[bad-policy]']);
    await assertUntouched();
  });
  test('a host without a server', async () => {
    assertFailure(await up(['--host', 'cp-2']), 1, [own.path('good.yaml'), "'cp-2'", 'cp', '[unknown-host]']);
    await assertUntouched();
  });
});

describe('what only the controller can see ends up at once, with its reason', () => {
  /** The folder was taken into use; no service goes on, and the kernel is as it was. */
  async function assertOver(folder: string): Promise<void> {
    assert.equal(await must(...inside, 'nft', 'list', 'ruleset'), ruleset);
    assert.equal((await run('ip', ['netns', 'pids', namespace])).stdout, '');
    assert.ok(!existsSync(join(folder, 'agent')));
  }
  test('a policy that would cut the agents off from their controller', async () => {
    const file = own.path('locks.yaml');
    const rule = '{ id: all, tier: break-glass, from: any, to: any, action: deny }';
    writeFileSync(file, `apiVersion: portcullis/v1\nrules: [${rule}]\n`);
    const folder = own.path('locked');
    const answer = await up(['--policy', file, '--data-dir', folder]);
    assertFailure(answer, 1, [file, "rule 'policy/all' says deny", '[plan-locks-out]']);
    await assertOver(folder);
  });
  test('a controller on the port of the gate', async () => {
    const folder = own.path('gate-port');
    const answer = await up(['--listen', '10.70.0.10:16443', '--data-dir', folder]);
    assertFailure(answer, 1, [own.path('good.yaml'), '10.70.0.10:16443', 'gatePort', '[plan-locks-out]']);
    await assertOver(folder);
  });
  test('an address that this host does not have', async () => {
    const folder = own.path('listen');
    const answer = await up(['--listen', '192.0.2.1:7443', '--data-dir', folder, '--json']);
    assertFailure(answer, 1, ['192.0.2.1', 'no such address', '[listen]']);
    assert.equal(JSON.parse(answer.stdout).error.code, 'listen');
    await assertOver(folder);
  });
  test('a controller that runs on this data folder already', async () => {
    const folder = own.path('taken');
    const args = ['controller', '--data-dir', folder, '--listen', '127.0.0.1:7444'];
    const other = start(args, { before: inside });
    await other.said('the controller serves');
    const answer = await up(['--data-dir', folder]);
    assertFailure(answer, 1, [folder, '[data-folder-in-use]']);
    assert.equal(other.process.exitCode, null);
    assert.equal((await other.end()).code, 0);
    await assertOver(folder);
  });
});
