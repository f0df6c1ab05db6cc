// A shield as somebody writes one: begun from its advisory, tested, and asked what its tests leave untried.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { assertClean, assertFailure, cli, scratch } from './kit.ts';

const own = scratch('shields');
after(() => own.remove());
const id = 'CVE-2018-1002105';
const file = own.path(`${id}.yaml`);
const here = (...args: string[]) => cli([...args, '--shields', own.dir]);

test('begins from the advisory, names the schema, tells the next steps, and overwrites nothing', async () => {
  const made = await here('shields', 'new', id);
  assert.equal(made.code, 0, made.stderr);
  assertClean(made);
  assert.match(made.stdout, /next:\n {2}1\. edit .*FILL IN\n {2}2\. portcullis shields test --shields/);
  const text = readFileSync(file, 'utf8');
  const schema = /^# yaml-language-server: \$schema=(.*)$/m.exec(text)?.[1] ?? '';
  assert.ok(existsSync(resolve(own.dir, schema)), schema);
  assert.equal(JSON.parse(readFileSync(join(own.dir, schema), 'utf8')).type, 'object');
  writeFileSync(file, `${text}# edited\n`);
  assertFailure(await here('shields', 'new', id), 1, [file, 'not overwritten', '[file-exists]']);
  assert.equal(readFileSync(file, 'utf8'), `${text}# edited\n`);
});

test('is listed and shown without a controller', async () => {
  const text = await here('shields', 'list');
  assert.match(
    text.stdout,
    /^SHIELD +TIER +.* WHAT\nCVE-2018-1002105 +2 +critical +kube-apiserver +shadow +.*\n1 shield; /,
  );
  const json = JSON.parse((await here('shields', 'list', '-o', 'json')).stdout);
  assert.deepEqual(Object.keys(json.shields[0]), ['id', 'title', 'tier', 'severity', 'component', 'mode']);
  const shown = await here('shields', 'show', id);
  assert.match(shown.stdout, /^CVE-2018-1002105: .*\n(.*\n)+fill-in +request +/);
  assertFailure(await here('shields', 'show', 'CVE-1-1'), 1, [own.dir, '[unknown-shield]']);
  const nobody = ['--data-dir', own.path('nowhere')];
  assertFailure(await cli(['shields', 'list', ...nobody]), 1, ['[not-enrolled]']);
  const shipped = await cli(['shields', 'list', '--shipped', ...nobody]);
  assert.match(shipped.stdout, /^CVE-2018-1002105 +1 +critical +kube-apiserver +enforce +/m);
});

test('fails until it is filled in', async () => {
  const before = await here('shields', 'test', '--coverage');
  assert.equal(before.code, 3);
  assert.match(before.stdout, /^MISS CVE-2018-1002105: FILL IN the attack: the rules that fired were \[\]/m);
  assert.match(
    before.stdout,
    /^UNTRIED CVE-2018-1002105: fill-in, column 1: never true: request\.verb == "fill-in"$/m,
  );
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('request.verb == "fill-in"', 'request.verb == "delete"'),
  );
  const filled = await here('shields', 'test', '--coverage', '-o', 'json');
  assert.equal(filled.code, 0);
  const answer = JSON.parse(filled.stdout);
  assert.deepEqual(answer.missed, []);
  const [{ coverage, ...rest }] = answer.shields;
  assert.deepEqual(rest, { id, tier: 2, attacks: { cut: 1, of: 1 }, innocents: { passed: 1, of: 1 } });
  assert.deepEqual(coverage, {
    branches: [
      { rule: 'fill-in', text: 'request.verb == "delete"', column: 1, true: true, false: true },
      { rule: 'fill-in', text: 'request.resource == "pods"', column: 29, true: true, false: false },
    ],
    tried: 3,
    of: 4,
  });
});

test('what is untried fails only where that is asked for', async () => {
  const asked = await here('shields', 'test', '--require-coverage');
  assert.equal(asked.code, 3);
  assert.match(asked.stdout, /^CVE-2018-1002105 +fill-in +3 of 4$/m);
  assert.match(asked.stdout, /^3 of 4 outcomes of operands were tried$/m);
  const plain = await here('shields', 'test');
  assert.equal(plain.code, 0);
  assert.doesNotMatch(plain.stdout, /UNTRIED/);
  const json = JSON.parse((await here('shields', 'test', '-o', 'json')).stdout);
  assert.equal(json.shields[0].coverage, undefined);
});

test('an advisory that is not known is told, and nothing is written', async () => {
  assertFailure(await here('shields', 'new', 'CVE-2999-0001'), 1, ['CVE-2999-0001', '[unknown-advisory]']);
  assertFailure(await here('shields', 'new', id, '--advisories', own.path('none')), 1, ['[unreadable]']);
  assertFailure(await here('shields', 'new'), 2, ['[usage]']);
  assert.ok(!existsSync(own.path('CVE-2999-0001.yaml')));
});
