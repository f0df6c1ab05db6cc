import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Shield } from '../model/shield.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { parseShield } from './load.ts';
import { probesOf as probesInForce } from './probes.ts';

const folder = join(import.meta.dirname, '../../shields');
const read = (id: string) => parseShield(readFileSync(join(folder, `${id}.yaml`), 'utf8'), id);
const probesOf = (shield: Shield) => probesInForce(shield, gateShield(shield));
const text = (request: string) => Buffer.from(request, 'base64').toString('latin1');

describe('probes of the shields', () => {
  for (const file of globSync('*.yaml', { cwd: folder })) {
    test(`${file}: none carries credentials, none writes but as a dry run`, () => {
      for (const { request, rule, message } of probesOf(read(file.replace('.yaml', '')))) {
        const sent = text(request);
        assert.doesNotMatch(sent, /^(authorization|cookie|x-remote-\S*|impersonate-\S*):/im, rule);
        assert.match(sent, /^User-Agent: portcullis-verify/im);
        if (!/^(GET|HEAD) /.test(sent)) assert.match(sent, /^[A-Z]+ \S*[?&]dryRun=All /);
        assert.notEqual(message, '');
      }
    });
  }

  test('a rule about paths has one, at most three', () => {
    const probes = probesOf(read('CVE-2020-8561'));
    assert.ok(probes.length > 0);
    for (const { rule } of probes) assert.ok(probes.filter((probe) => probe.rule === rule).length <= 3);
  });

  test('a rule over bodies has some, with the body whole, though its tests are of somebody', () => {
    const probes = probesOf(read('CVE-2025-1767'));
    assert.deepEqual(new Set(probes.map(({ rule }) => rule)), new Set(['git-repo']));
    for (const { request } of probes) {
      const [head = '', body = ''] = text(request).split('\r\n\r\n');
      assert.equal(Number(/content-length: (\d+)/i.exec(head)?.[1]), body.length);
      assert.match(body, /gitRepo/);
    }
  });

  test('a rule about who asks has none: nobody is not refused by it', () =>
    assert.deepEqual(probesOf(read('CVE-2025-5187')), []));

  test('a shield in shadow has none: nothing would be refused', () => {
    const shield = read('CVE-2020-8561');
    assert.deepEqual(probesInForce(shield, gateShield(shield, { shadow: true })), []);
  });

  test('what only an answer shows has none', () => assert.deepEqual(probesOf(read('CVE-2022-3172')), []));

  test('what credentials decide about is left out: without them nothing would be refused', () => {
    const shield = read('CVE-2020-8561');
    const rules = shield.deeperDefense.rules.map((rule) => ({
      ...rule,
      when: `request.authMethod == "bearer" && (${rule.when})`,
    }));
    assert.deepEqual(probesOf({ ...shield, deeperDefense: { rules } }), []);
  });
});
