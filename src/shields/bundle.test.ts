import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { maxBundleBytes, type ShieldBundle } from '../model/bundle.ts';
import {
  bundleFile,
  bundleShields,
  bundleText,
  openBundle,
  requireProgram,
  shieldChanges,
  type TrustedKeys,
} from './bundle.ts';
import { parseShield } from './load.ts';
import { createSecretKey, type SecretKey, signText } from './minisign.ts';

const own = readFileSync(join(import.meta.dirname, '../../shields/CVE-2020-8561.yaml'), 'utf8');
const keyOf = (fill: number): SecretKey => createSecretKey(Buffer.alloc(40, fill)).secret;
const [publisher, stranger, former] = [keyOf(1), keyOf(2), keyOf(3)];
const keys: TrustedKeys = {
  trusted: new Map([publisher, former].map((key) => [key.id, key.publicKey])),
  revoked: new Set([former.id]),
};
const bundle: ShieldBundle = {
  apiVersion: 'portcullis/v1',
  kind: 'ShieldBundle',
  name: 'core',
  version: 7,
  label: '2026.11',
  createdAt: '2026-11-27T12:00:00Z',
  shields: [bundleFile('CVE-2020-8561.yaml', own)],
};

const sign = (text: Buffer | string, key = publisher): [Buffer, string] => {
  const bytes = Buffer.from(text);
  return [bytes, signText(bytes, key, 'bundle')];
};
const open = ([text, signature]: readonly [Buffer, string]) => openBundle(text, signature, keys, 'b');
const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'none';
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error.code;
  }
};

test('a bundle goes out and comes back, and its shields load', () => {
  const opened = open(sign(bundleText(bundle)));
  assert.deepEqual(opened.bundle, bundle);
  assert.equal(opened.key, publisher.id);
  assert.deepEqual(
    bundleShields(opened.bundle, 'b', 'proven').map(({ id }) => id),
    ['CVE-2020-8561'],
  );
});

test('not a byte of it can be changed, wherever it stands', () => {
  const [text, signature] = sign(bundleText(bundle));
  // Every byte of the members around the shield, and one of every 97 in it.
  const inText = text.indexOf('"text":');
  const places = [...text.keys()].filter((at) => at < inText + 40 || at > text.length - 200 || at % 97 === 0);
  for (const at of places) {
    const changed = Buffer.from(text);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(
      codeOf(() => open([changed, signature])),
      'bad-signature',
      `byte ${at}`,
    );
  }
  for (const changed of [text.subarray(1), text.subarray(0, -1), Buffer.concat([text, Buffer.from(' ')])])
    assert.equal(
      codeOf(() => open([changed, signature])),
      'bad-signature',
    );
});

test('whatever is done to text or signature, nothing but what was signed is opened', () => {
  const [text, signature] = sign(bundleText({ ...bundle, shields: [] }));
  const edit = fc.record({
    inSignature: fc.boolean(),
    at: fc.nat(),
    cut: fc.nat(4),
    put: fc.uint8Array({ maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let [body, beside] = [text, Buffer.from(signature)];
      for (const { inSignature, at, cut, put } of edits) {
        const target = inSignature ? beside : body;
        const from = at % (target.length + 1);
        const edited = Buffer.concat([target.subarray(0, from), put, target.subarray(from + cut)]);
        if (inSignature) beside = edited;
        else body = edited;
      }
      try {
        const opened = openBundle(body, beside.toString(), keys, 'b');
        assert.ok(body.equals(text));
        assert.equal(opened.trustedComment, 'bundle');
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

describe('refused', () => {
  const changed = (change: (value: Record<string, unknown>) => void): string => {
    const value = JSON.parse(bundleText(bundle));
    change(value);
    return bundleText(value);
  };
  const file = (name: string, text = own) => bundleFile(name, text);
  const table: readonly [string, readonly [Buffer, string], string, RegExp][] = [
    ['a key that nobody trusts', sign(bundleText(bundle), stranger), 'unknown-key', /not trusted/],
    ['a key that was revoked', sign(bundleText(bundle), former), 'revoked-key', /revoked/],
    ['no signature', [Buffer.from(bundleText(bundle)), ''], 'bad-signature', /four lines/],
    [
      'the signature of another bundle',
      [Buffer.from(bundleText(bundle)), sign(bundleText({ ...bundle, version: 8 }))[1]],
      'bad-signature',
      /was changed/,
    ],
    [
      'too many bytes, before they are even hashed',
      [Buffer.alloc(maxBundleBytes + 1), ''],
      'bundle-too-large',
      /MiB/,
    ],
    ['no JSON', sign('shields: []'), 'bad-bundle', /not JSON/],
    ['white space', sign(`${JSON.stringify(bundle, null, 1)}\n`), 'bad-bundle', /canonical/],
    ['no line end', sign(bundleText(bundle).trimEnd()), 'bad-bundle', /canonical/],
    [
      'a doubled member',
      sign(bundleText(bundle).replace('"version":7', '"version":9,"version":7')),
      'bad-bundle',
      /canonical/,
    ],
    [
      'bytes that are no UTF-8',
      sign(Buffer.from(bundleText(bundle).replace('2026.11', '\xff'), 'latin1')),
      'bad-bundle',
      /label/,
    ],
    ['an unknown member', sign(changed((value) => (value['more'] = 1))), 'bad-bundle', /more/],
    ['another kind', sign(changed((value) => (value['kind'] = 'Shield'))), 'bad-bundle', /kind/],
    ['version 0', sign(changed((value) => (value['version'] = 0))), 'bad-bundle', /version/],
    [
      'a version that is no whole number',
      sign(changed((v) => (v['version'] = 1.5))),
      'bad-bundle',
      /version/,
    ],
    ['a version past exact numbers', sign(changed((v) => (v['version'] = 2 ** 60))), 'bad-bundle', /version/],
    [
      'a hash that is another text’s',
      sign(changed((value) => (value['shields'] = [{ ...file('a.yaml'), text: `${own} ` }]))),
      'bad-bundle',
      /shields\.0\.sha256/,
    ],
    [
      'two files of one name',
      sign(changed((value) => (value['shields'] = [file('a.yaml'), file('A.yaml')]))),
      'bad-bundle',
      /second 'A\.yaml'/,
    ],
    [
      'a shield of megabytes',
      sign(changed((value) => (value['shields'] = [file('a.yaml', '#'.repeat(2 * 1024 * 1024 + 1))]))),
      'bad-bundle',
      /larger/,
    ],
    [
      'revoking its own key',
      sign(changed((value) => (value['revokes'] = { keys: [publisher.id] }))),
      'bad-bundle',
      /signed with/,
    ],
    [
      'revoking itself',
      sign(changed((value) => (value['revokes'] = { versions: [7] }))),
      'bad-bundle',
      /before its own/,
    ],
  ];
  for (const [name, signed, code, says] of table) {
    test(name, () =>
      assert.throws(
        () => open(signed),
        (error: Failure) => {
          assert.equal(error.code, code, error.message);
          assert.match(`${error.message}`, says);
          return true;
        },
      ),
    );
  }
  for (const name of [
    '../a.yaml',
    '/etc/a.yaml',
    'a/b.yaml',
    'a\\b.yaml',
    '..',
    '.yaml',
    'a.yaml\n',
    'a.yaml.sh',
    '',
  ]) {
    test(`the file name ${JSON.stringify(name)}`, () =>
      assert.equal(
        codeOf(() => open(sign(changed((value) => (value['shields'] = [file(name)]))))),
        'bad-bundle',
      ));
  }

  const shields: readonly [string, Partial<ShieldBundle>, string, RegExp][] = [
    [
      'two shields of one id',
      { shields: [file('a.yaml'), file('b.yaml')] },
      'bad-bundle',
      /two of its files/,
    ],
    [
      'a shield that it revokes',
      { revokes: { shields: ['CVE-2020-8561'] } },
      'bad-bundle',
      /holds CVE-2020-8561 and revokes it/,
    ],
    ['a shield that is none', { shields: [file('a.yaml', 'x: 1')] }, 'bad-shield', /./],
    [
      'one bad shield among good ones',
      {
        shields: [
          file('a.yaml'),
          file(
            'b.yaml',
            own.replace(/^id: .*$/m, 'id: CVE-2000-1').replace('^/debug/flags', '^/debug/flagz'),
          ),
        ],
      },
      'shield-self-test',
      /did not go as expected/,
    ],
  ];
  for (const [name, change, code, says] of shields) {
    test(name, () =>
      assert.throws(
        () => bundleShields(open(sign(bundleText({ ...bundle, ...change }))).bundle, 'b', 'proven'),
        (error: Failure) => {
          assert.equal(error.code, code, error.message);
          assert.match(error.message, says);
          return true;
        },
      ),
    );
  }
});

test('the oldest program that it allows', () => {
  const needs = (version: string) => requireProgram({ ...bundle, minPortcullis: version }, '1.2.3', 'b');
  for (const version of ['0.0.1', '1.2.3', '1.2.2', '0.9.9']) needs(version);
  for (const version of ['1.2.4', '2.0.0', '1.10.0'])
    assert.throws(() => needs(version), { code: 'bundle-needs-newer' });
  requireProgram(bundle, '0.0.1', 'b');
});

test('what changes, shield by shield and rule by rule', () => {
  const old = parseShield(own, 'a');
  const [rule] = old.deeperDefense.rules;
  assert.ok(rule);
  const now = {
    ...old,
    deeperDefense: {
      ...old.deeperDefense,
      rules: [
        { ...rule, message: 'Other.' },
        { ...rule, id: 'second' },
      ],
    },
  };
  const others = old.deeperDefense.rules.slice(1).map(({ id }) => id);
  assert.deepEqual(shieldChanges([old], [old]), []);
  assert.deepEqual(shieldChanges([old], [now]), [
    {
      shield: old.id,
      change: 'changed',
      rules: { added: ['second'], changed: [rule.id], removed: others },
      fields: [],
    },
  ]);
  const { deeperDefense, ...rest } = old;
  const weaker = {
    ...rest,
    tier: 2,
    deeperDefense: { ...deeperDefense, stripHeaders: ['user-agent' as const] },
  };
  assert.deepEqual(
    shieldChanges([old], [weaker]).map(({ rules, fields }) => [rules.changed, fields]),
    [[[], ['stripHeaders', 'tier']]],
  );
  assert.deepEqual(
    shieldChanges([old], [{ ...now, id: 'CVE-2000-1' }]).map(({ shield, change }) => [shield, change]),
    [
      ['CVE-2000-1', 'added'],
      [old.id, 'removed'],
    ],
  );
});
