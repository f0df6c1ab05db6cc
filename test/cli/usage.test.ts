// Wrong usage and help, for every command.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { commands as byName, loadCommands } from '../../src/cli/commands.ts';
import { assertFailure, cli, scratch } from './kit.ts';

const commands = await loadCommands();

const own = scratch('usage');
const nowhere = own.path('nowhere');
after(own.remove);

describe('help', { concurrency: 2 }, () => {
  for (const command of commands) {
    test(`${command.name} --help shows its usage and options`, async () => {
      const answer = await cli([...command.name.split(' '), '--help']);
      assert.equal(answer.code, 0);
      assert.equal(answer.stderr, '');
      assert.match(answer.stdout, new RegExp(`^usage: portcullis ${command.name}`, 'm'));
      assert.ok(answer.stdout.startsWith(command.summary));
      for (const name of Object.keys(command.options)) assert.ok(answer.stdout.includes(`--${name}`), name);
    });
  }
  test('a command is found by the name that it has', () => {
    assert.deepEqual(
      commands.map(({ name }) => name),
      Object.keys(byName),
    );
  });
  test('the overview names every command and every exit code', async () => {
    for (const asked of [['--help'], ['help']]) {
      const answer = await cli(asked);
      assert.equal(answer.code, 0);
      for (const { name, summary } of commands) {
        assert.ok(answer.stdout.includes(name) && answer.stdout.includes(summary), name);
      }
      assert.match(answer.stdout, /^ {2}2 {2}wrong usage/m);
    }
  });
  test('help COMMAND is COMMAND --help', async () => {
    const [one, other] = await Promise.all([
      cli(['help', 'log', 'verify']),
      cli(['log', 'verify', '--help']),
    ]);
    assert.deepEqual(one, other);
  });
  test('no command: the overview, as a refusal', async () => {
    const answer = await cli([]);
    assert.equal(answer.code, 2);
    assert.equal(answer.stdout, '');
    assert.match(answer.stderr, /^usage: portcullis COMMAND/m);
  });
});

/** What is typed, and what must be said besides the code 2. */
const refused: readonly [args: string, says: string | RegExp][] = [
  ['frobnicate', "unknown command 'frobnicate'"],
  ['log', 'portcullis log verify'],
  ['log frobnicate', 'portcullis log verify'],
  ['shields --help', 'portcullis shields test'],
  ['shields show', 'shields show ID'],
  ['status --frobnicate', "'--frobnicate'"],
  ['status extra', 'portcullis status'],
  ['status -o xml', "unknown output 'xml'"],
  ['status --output', '--output'],
  ['status --data-dir=', '--data-dir is empty'],
  ['stage lab/cp CVE-2018-1002105', 'SERVER SHIELD observe|block|inspect|lifted'],
  ['stage lab/cp CVE-2018-1002105 open --why x', "'open' is not a stage"],
  ['stage lab/cp CVE-2018-1002105 block', '--why is needed'],
  ['stage lab/cp CVE-2018-1002105 block --why=', '--why is empty'],
  ['events --after minus', '--after takes a whole number'],
  ['events --kind gossip', "no kind 'gossip'"],
  ['sessions --limit 0', '--limit takes a whole number from 1'],
  ['sessions --limit 1e3', '--limit takes a whole number from 1'],
  ['sessions --verdict maybe', '--verdict takes accepted, steered or denied'],
  ['sessions top --by color', "--by takes one of source, name, server, rule, agent, not 'color'"],
  ['sessions pairs --type =', "--type takes a tag type, such as application, not '='"],
  [
    'sessions series --since yesterday',
    "--since takes a number and s, m, h or d, such as 24h, not 'yesterday'",
  ],
  ['advisories add', 'advisories add FILE'],
  ['inventory apply', 'inventory apply FILE'],
  ['policy apply one two', 'policy apply FILE'],
  ['token user cp', "not 'user'"],
  ['token agent', 'token agent|gate|admin|viewer NAME'],
  ['login --role agent', "--role takes admin or viewer, not 'agent'"],
  ['token agent cp --ttl soon', '--ttl takes a whole number'],
  ['controller --listen 7443', '--listen takes ADDRESS:PORT'],
  ['controller --listen 127.0.0.1:70000', '--listen takes ADDRESS:PORT'],
  ['controller --advertise nowhere', '--advertise takes ADDRESS:PORT'],
  ['controller --probe-seconds 0', '--probe-seconds takes a whole number from 1'],
  ['agent --token a.b.c', '--name and --controller'],
  ['agent --token a.b.c --name cp --controller nowhere', '--controller takes HOST:PORT'],
  ['gate --metrics-port http', '--metrics-port takes a whole number'],
  ['up', '--host is needed'],
  ['up --host cp', '--inventory is needed'],
  ['protect', '--kubeconfig is needed'],
  ['protect --kubeconfig x --break-glass office', '--break-glass'],
  ['protect --kubeconfig x --break-glass 10.0.0.1/8', 'host bits'],
  ['protect --kubeconfig x --listen here', '--listen takes ADDRESS:PORT'],
];

describe('wrong usage is refused with code 2 and the way to the help', { concurrency: 2 }, () => {
  for (const [typed, says] of refused) {
    test(`portcullis ${typed}`, async () => {
      const args = typed.split(' ');
      const plain = await cli(args, { env: { PORTCULLIS_DATA: nowhere } });
      assertFailure(plain, 2, [says, '--help', '[usage]']);
      assert.equal(plain.stdout, '');
    });
  }
  for (const args of [
    ['status', '--frobnicate', '-o', 'json'],
    ['up', '--json'],
    ['frobnicate', '--json'],
  ]) {
    test(`portcullis ${args.join(' ')}: one JSON document`, async () => {
      const answer = await cli(args, { env: { PORTCULLIS_DATA: nowhere } });
      assertFailure(answer, 2, []);
      const { ok, error } = JSON.parse(answer.stdout);
      assert.equal(ok, false);
      assert.equal(error.code, 'usage');
      assert.match(error.hint, /--help/);
    });
  }
});
