import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { defaultLimits } from '../model/limits.ts';
import { waysOf } from './exchange-ways.ts';
import { loadShield, parseShield } from './load.ts';
import { selfTest } from './self-test.ts';

function shield(steps: string, more = '', byGate = 'h2-reset-flood', kind = 'attack'): string {
  return `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-1
title: A title
tier: 1
severity: major
component: kube-apiserver
description: Text.
firstResponse: {pass: []}
deeperDefense: {byGate: [${byGate}]}
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
tests:
  - name: a flood
    kind: attack
    steps: [{http2: {open: 1001, reset: each}}]
    expect: {rules: [h2-reset-flood], connection: closed}
  - name: the one
    kind: ${kind}
    steps: ${steps}
    expect: {connection: open${more}}
  - {name: a request, kind: innocent, steps: [{request: {path: /version}}], expect: {}}
`;
}

/** What differs in the test `the one`; '' when nothing. */
function outcome(steps: string, more = ''): string {
  const { tests } = selfTest(parseShield(shield(steps, more, 'h2-reset-flood', 'innocent'), 'here'));
  assert.ok(tests[0]?.ok, tests[0]?.reason ?? '');
  return tests[1]?.reason ?? '';
}

describe('at a limit nothing is cut, above it the connection is', () => {
  const fired = (rule: string) => `the rules that fired were [${rule}], not []`;
  const { streamResets, pingFrames, settingsFrames, idleFrames, streams, continuations } = defaultLimits;
  for (const [name, at, above, rule] of [
    [
      'resets',
      `open: ${streamResets}, reset: each`,
      `open: ${streamResets + 1}, reset: each`,
      'h2-reset-flood',
    ],
    ['pings', `ping: ${pingFrames}`, `ping: ${pingFrames + 1}`, 'h2-ping-flood'],
    ['empty frames', `empty: ${idleFrames}`, `empty: ${idleFrames + 1}`, 'h2-idle-flood'],
    ['open streams', `open: ${streams}`, `open: ${streams + 1}`, 'h2-stream-limit'],
    [
      'frames of a block',
      `continuation: ${continuations}, bytes: 9, ends: true`,
      `continuation: ${continuations + 1}, bytes: 9, ends: true`,
      'h2-block-too-large',
    ],
    [
      'a block',
      'continuation: 8, bytes: 7000, ends: true',
      'continuation: 8, bytes: 9000, ends: true',
      'h2-block-too-large',
    ],
    ['settings', 'settings: 3', `settings: ${settingsFrames + 1}`, 'h2-settings-flood'],
    ['a window', 'window: 1', 'window: 0', 'h2-window'],
  ] as const) {
    test(name, () => {
      assert.equal(outcome(`[{http2: {${at}}}]`), '');
      assert.equal(outcome(`[{http2: {${above}}}]`), fired(rule));
    });
  }
});

test('a budget is of all connections of a caller, and fills up with time', () => {
  const resets = (count: number) => `{http2: {open: ${count}, reset: each}}`;
  assert.match(outcome(`[${resets(600)}, {reconnect: true}, ${resets(600)}]`), /h2-reset-flood/);
  assert.match(outcome(`[${resets(1000)}, {wait: 2s}, ${resets(201)}]`), /h2-reset-flood/);
  assert.equal(outcome(`[${resets(1000)}, {wait: 2s}, ${resets(200)}]`), '');
});

test('streams that the server resets count too, and those that are open can be reset later', () => {
  const byServer = '{http2: {open: 240, reset: by-server}}';
  assert.equal(outcome(`[${Array(4).fill(byServer).join()}]`), '');
  assert.match(outcome(`[${Array(5).fill(byServer).join()}]`), /h2-reset-flood/);
  const informer = '{http2: {open: 240}}, {http2: {reset: all}}';
  assert.equal(outcome(`[${Array(4).fill(informer).join()}]`), '');
  assert.match(outcome(`[${Array(5).fill(informer).join()}]`), /h2-reset-flood/);
});

test('requests go beside frames, over HTTP/2 alone', () => {
  const steps = '[{http2: {open: 2}}, {request: {path: /version}}, {http2: {reset: all}}]';
  assert.equal(outcome(steps), '');
  const [, one] = parseShield(shield(steps, '', 'h2-reset-flood', 'innocent'), 'here').tests;
  assert.ok(one);
  assert.deepEqual(
    waysOf(one).map(({ name, framing }) => [name, framing]),
    [
      ['', 'http2'],
      ['byte by byte', 'http2'],
    ],
  );
});

test('the connection is looked at', () => {
  assert.match(
    outcome('[{http2: {ping: 1}}]').concat(outcome('[{http2: {ping: 1}}, {end: client}]')),
    /^the connection ended as closed/,
  );
});

describe('refusals of the gate that a shield names', () => {
  for (const [byGate, says] of [
    ['h2-nothing', "the gate has no refusal 'h2-nothing'"],
    ['h2-ping-flood', "no test meets the refusal 'h2-ping-flood'"],
  ] as const) {
    test(byGate, () => {
      assert.throws(
        () => loadShield(shield('[{http2: {ping: 1}}]', '', byGate, 'innocent'), 'here'),
        (error: Failure) => error instanceof Failure && error.message.includes(says),
      );
    });
  }

  test('it needs no rule', () => {
    assert.deepEqual(
      loadShield(shield('[{http2: {ping: 1}}]', '', 'h2-reset-flood', 'innocent'), 'x').deeperDefense.rules,
      [],
    );
  });
});
