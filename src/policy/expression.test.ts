import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { matches, parseCallers, parseExpression } from './expression.ts';

const apiServer = [
  'tier=control-plane',
  'site=berlin',
  'label=blue',
  'label=canary',
  'k8s-version=1.10.3',
  'kubelet-version=v1.10.3-gke.1',
  'cve=CVE-2018-1002105',
  'cve=CVE-2019-11247',
  'cvss=9.8',
];

const truths: readonly [string, boolean][] = [
  ['any', true],
  ['ANY', true],
  ['NOT any', false],
  ['tier=control-plane', true],
  ['tier=node', false],
  ['tier = control-plane', true],
  ['tier!=node', true],
  ['tier!=control-plane', false],
  ['zone=a', false],
  ['zone!=a', true],
  ['site in (paris, berlin)', true],
  ['site in (paris)', false],
  ['site not in (paris, rome)', true],
  ['site NOT IN (berlin)', false],
  ['zone not in (a)', true],
  ['exists site', true],
  ['exists zone', false],
  ['has(site)', true],
  ['has ( zone )', false],
  ['label=blue', true],
  ['label=canary', true],
  ['label=red', false],
  ['label!=red', true],
  ['label!=blue', false],
  ['cve=CVE-2019-11247 and cve=CVE-2018-1002105', true],
  ['k8s-version < 1.10.11', true],
  ['k8s-version < 1.10.3', false],
  ['k8s-version <= v1.10.3', true],
  ['k8s-version >= 1.9', true],
  ['k8s-version > 1.9.11', true],
  ['k8s-version > 1.11.0-alpha.1', false],
  ['k8s-version >= 1.10.3-rc.1', true],
  ['k8s-version < 1.10.3-rc.1', false],
  // a vendor's build is the version it is made from
  ['kubelet-version < 1.10.3', false],
  ['kubelet-version <= 1.10.3', true],
  ['kubelet-version > 1.10.3-rc.1', true],
  ['Kubelet-Version >= v1.10', true],
  ['Site = berlin', true],
  ['cvss >= 9', true],
  ['cvss > 9.8', false],
  ['cvss < 10', true],
  ['site > 3', false],
  ['NOT site > 3', true],
  ['zone < 3', false],
  // precedence: NOT, then AND, then OR
  ['tier=node AND site=rome OR label=blue', true],
  ['tier=node AND (site=rome OR label=blue)', false],
  ['NOT tier=node AND site=berlin', true],
  ['NOT (tier=node OR site=berlin)', false],
  ['not not tier=node', false],
  ['label=blue or tier=node and site=rome', true],
  ['tier=control-plane\n  and not site=lab', true],
  // a keyword is a value where a value belongs
  ['site=any', false],
  ['site in (in, berlin)', true],
];

test('expressions mean what they say', () => {
  for (const [text, expected] of truths) {
    assert.equal(matches(parseExpression(text), apiServer), expected, text);
  }
});

const refusals: readonly [string, number, RegExp][] = [
  ['', 1, /expected a tag type, found the end/],
  ['tier', 5, /expected =, !=, in/],
  ['tier=', 6, /expected a tag value, found the end/],
  ['tier= )', 7, /expected a tag value, found '\)'/],
  ['tier=a tier=b', 8, /expected AND, OR/],
  ['(tier=a', 8, /expected AND, OR or \)/],
  ['tier=a)', 7, /expected AND, OR or the expression's end/],
  ['tier in a', 9, /expected \( and a list/],
  ['tier in ()', 10, /expected a tag value/],
  ['tier in (a,)', 12, /expected a tag value/],
  ['tier not a', 10, /expected in after/],
  ['9tier=a', 1, /not a tag type/],
  ['tier_x=a', 1, /not a tag type/],
  ['any=a', 4, /expected AND, OR/],
  ['and', 1, /expected a tag type, found 'and'/],
  ['tier=a AND', 11, /expected a tag type, found the end/],
  ['tier==a', 6, /expected a tag value, found '='/],
  ['tier=a && site=b', 8, /'&' can't stand/],
  ["tier='a'", 6, /can't stand/],
  ['tier=a; drop', 7, /can't stand/],
  ['tier=🙂', 6, /'🙂' can't stand/],
  ['k8s-version < latest', 15, /expected a version/],
  ['k8s-version < 1.10+k3s1', 15, /'\+k3s1' is a vendor's addition/],
  ['k8s-version < 1.10.11-gke.5', 15, /'-gke\.5' is a vendor's addition/],
  ['kubelet-version < new', 19, /expected a version/],
  ['conversion < 1.10.11', 14, /expected a number/],
  ['cvss >= high', 9, /expected a number/],
  ['cvss >= 9.8.1', 9, /expected a number/],
  ['has tier', 5, /expected \( after has/],
  [`${'('.repeat(40)}any${')'.repeat(40)}`, 34, /nested deeper than 32/],
  [`${'not '.repeat(5000)}any`, 1, /more than 4096/],
];

test('a refusal points at the character', () => {
  for (const [text, character, why] of refusals) {
    assert.throws(
      () => parseExpression(text, 'rules[0].from'),
      (error: unknown) => {
        assert.ok(error instanceof Failure, text);
        assert.equal(error.code, 'bad-expression');
        assert.equal(error.place, `rules[0].from, character ${character}`, text);
        assert.match(error.message, why);
        return true;
      },
      text,
    );
  }
});

test('the character is pointed at, in long and broken texts too', () => {
  const pointers: readonly [string, string][] = [
    ['tier=a && site=b', 'tier=a && site=b\n       ^'],
    ['tier=a\n  AND zone', 'tier=a   AND zone\n                 ^'],
    [`tier in (${'a, '.repeat(30)}&)`, `…${'a, '.repeat(14).slice(-40)}&)\n${' '.repeat(41)}^`],
  ];
  for (const [text, pointer] of pointers) {
    assert.throws(() => parseExpression(text), { pointer }, text);
  }
});

test('callers are named, or any is said', () => {
  for (const text of [
    'any',
    'tier=node',
    'any and not site=lab',
    'not any or not site=lab',
    'exists site and site!=lab',
    'tier=any',
    'cvss < 3',
    'not exists site and tier=node',
  ]) {
    parseCallers(text, 'from');
  }
  for (const text of ['site!=lab', 'not tier=any', 'site not in (any)', 'not exists tier', 'not cvss < 3']) {
    assert.throws(
      () => parseCallers(text, 'from'),
      (error: unknown) =>
        error instanceof Failure && error.code === 'bad-expression' && error.place === 'from',
      text,
    );
  }
});

/** An expression as text, and its meaning computed beside the parser. */
type Twin = { text: string; truth: (tags: readonly string[]) => boolean };
const atom: fc.Arbitrary<Twin> = fc
  .tuple(fc.constantFrom('a', 'b', 'label'), fc.constantFrom('x', 'y', 'z'), fc.boolean())
  .map(([type, value, equal]) => ({
    text: `${type}${equal ? '=' : '!='}${value}`,
    truth: (tags) => tags.includes(`${type}=${value}`) === equal,
  }));
const { tree } = fc.letrec<{ tree: Twin }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    atom,
    fc.tuple(tie('tree'), tie('tree')).map(([l, r]) => ({
      text: `(${l.text}) AND (${r.text})`,
      truth: (tags: readonly string[]) => l.truth(tags) && r.truth(tags),
    })),
    fc.tuple(atom, atom, atom).map(([a, b, c]) => ({
      text: `${a.text} or not ${b.text} and ${c.text}`,
      truth: (tags: readonly string[]) => a.truth(tags) || (!b.truth(tags) && c.truth(tags)),
    })),
    tie('tree').map((t) => ({
      text: `NOT (${t.text})`,
      truth: (tags: readonly string[]) => !t.truth(tags),
    })),
  ),
}));
const someTags = fc.subarray(['a=x', 'a=y', 'b=x', 'b=z', 'label=x', 'label=y', 'label=z']);

test('random expressions agree with their own truth tables', () => {
  fc.assert(
    fc.property(tree, someTags, (twin, tags) => {
      fc.pre(twin.text.length <= 4096);
      assert.equal(matches(parseExpression(twin.text), tags), twin.truth(tags), twin.text);
    }),
  );
});

test('random text is read or refused, never anything else', () => {
  const piece = fc.constantFrom(
    'any',
    '(',
    ')',
    'not',
    'and',
    'or',
    'in',
    'a',
    '=',
    '!=',
    '<',
    ',',
    '1.2',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((p) => p.join(' ')),
      ),
      (text) => {
        try {
          parseExpression(text);
        } catch (error) {
          assert.ok(error instanceof Failure && error.code === 'bad-expression', String(error));
        }
      },
    ),
  );
});
