// Feeds one random exchange to the judge and checks, after every piece and at the end, what must hold whatever is sent.
import assert from 'node:assert/strict';
import { type Replay, replay } from '../../src/http/testing/replay.ts';
import { createConnection } from '../../src/inspect/connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../../src/inspect/connection-types.ts';
import { createRecordingSink, type RecordingSink } from '../../src/inspect/recording-sink.ts';
import type { RuleSet } from '../../src/inspect/rules.ts';
import { type Case, claimed, secret } from './arbitrary.ts';

/** Who calls, where the case has a client certificate. */
export const identity = { method: 'certificate', user: 'developer', groups: ['lab', 'caf\u00e9'] } as const;
export const sourceAddress = '192.0.2.7';

export type Driven = {
  readonly sink: RecordingSink;
  /** What went to the server before any tunnel, and how our own parser reads it. */
  readonly forwarded: string;
  readonly read: Replay;
  readonly state: string;
  readonly idle: boolean;
};

/** @throws AssertionError naming the promise that does not hold */
export function drive(one: Case, rules: RuleSet): Driven {
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: one.certificate ? identity : { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress,
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  let forwarded: string | undefined;
  /** What the caller got in the step that opened the tunnel: interim heads, the 101, perhaps more. */
  let switching: string | undefined;
  let turn = 0;

  function watched(step: () => void, fromServer: boolean): void {
    const state = judge.state;
    const server = sink.server.length;
    const client = sink.client.length;
    const idle = judge.idle;
    step();
    if (state === 'closed' || state === 'closing') {
      assert.equal(sink.server.length, server, 'nothing goes to the server after the end');
      assert.equal(sink.client.length, client, 'nothing goes to the caller after the end');
    }
    if (fromServer && idle)
      assert.equal(sink.client.length, client, 'what answers no request is not delivered');
    if (state !== 'tunnel' && judge.state === 'tunnel') {
      forwarded = sink.server.slice(0, server);
      switching = sink.client.slice(client);
    }
    if (judge.state !== 'tunnel' && judge.state !== 'closed' && judge.state !== 'closing') {
      assert.ok(sink.requests.length - sink.responses.length <= 1, 'one request at a time');
    }
  }

  for (const step of one.steps) {
    if ('end' in step) {
      watched(() => {
        if (step.end === 'client') judge.clientEnd();
        else if (step.end === 'server') judge.serverEnd();
        else judge.serverFailed('test');
      }, false);
      continue;
    }
    const bytes = Buffer.from(step.bytes, 'latin1');
    for (let at = 0; at < bytes.length; ) {
      const size = one.pieces[turn++ % one.pieces.length] ?? 1;
      // A copy that is overwritten afterwards: the judge must not keep what it is given.
      const piece = Buffer.from(bytes.subarray(at, at + size));
      at += size;
      const fromServer = step.from === 'server';
      watched(() => (fromServer ? judge.serverData(piece) : judge.clientData(piece)), fromServer);
      piece.fill(0x21);
    }
  }
  const requests = forwarded ?? sink.server;
  const read = replay([Buffer.from(requests, 'latin1')], { kind: 'request' });
  checkFindings(sink);
  checkForwarded(read, sink);
  if (switching !== undefined) checkSwitch(read, switching);
  checkIdentity(read, one.certificate);
  return { sink, forwarded: requests, read, state: judge.state, idle: judge.idle };
}

/** Records hold no secret, nothing a terminal obeys, and are small. */
export function checkFindings(sink: RecordingSink): void {
  for (const finding of sink.findings) {
    const { held, ...rest } = finding;
    const shown = JSON.stringify(rest);
    assert.ok(!shown.includes(secret), `a secret in an incident: ${shown}`);
    assert.ok(!held.includes(secret), `a secret in the evidence: ${held.toString('latin1')}`);
    const said = [rest.requestLine, rest.connection ?? '', rest.upgrade ?? '', ...rest.headerNames].join('');
    assert.doesNotMatch(said, /[\x00-\x1f\x7f-\x9f]/, 'control characters in an incident');
    assert.ok(shown.length + (held.length * 4) / 3 < 16_384, `an incident of ${shown.length} bytes`);
  }
}

/** What went to the server is a row of requests of which only the last can be unfinished or an upgrade. */
function checkForwarded(read: Replay, sink: RecordingSink): void {
  assert.equal(read.refused, undefined, 'what is forwarded is not refused when read again');
  assert.equal(read.rest, 0, 'no piece of a head is forwarded');
  assert.deepEqual(
    read.messages.map(({ startLine }) => startLine.split(' ')[0]),
    sink.requests.map((line) => line.split(' ')[0]),
    'the requests that were forwarded',
  );
  for (const [index, message] of read.messages.entries()) {
    const last = index === read.messages.length - 1;
    assert.ok(last || message.complete, 'a request before the last is unfinished');
    assert.ok(last || !couldUpgrade(message.fields), 'a request follows an upgrade request');
  }
}

/** Both sides named the upgrade as RFC 9110 §7.8 has it, and the protocol is one that was offered and carries no requests. */
function checkSwitch(read: Replay, answer: string): void {
  const asked = read.messages.at(-1);
  assert.ok(asked?.complete && asked.startLine.endsWith(' 1'), 'a tunnel without a whole HTTP/1.1 request');
  const head = /HTTP\/1\.[01] 101[^\n]*\n(?:[^\n]+\n)*?\r\n/.exec(answer)?.[0] ?? '';
  assert.match(
    head,
    /^connection:(?:[^\n]*,)?[ \t]*upgrade[ \t]*(?:,|\r)/im,
    'a 101 without Connection: upgrade',
  );
  const valuesOf = (name: string) =>
    asked.fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value.toLowerCase());
  assert.match(
    valuesOf('connection').join(','),
    /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/,
    'Connection did not ask',
  );
  const chosen = /^upgrade:[ \t]*(\S+?)[ \t]*\r/im.exec(head)?.[1]?.toLowerCase() ?? '';
  const offered = valuesOf('upgrade').flatMap((value) => value.split(/[ \t]*,[ \t]*/));
  assert.ok(chosen !== '' && chosen !== 'h2c' && offered.includes(chosen), 'a protocol that was not offered');
}

function couldUpgrade(fields: Replay['messages'][number]['fields']): boolean {
  return fields.some(
    ([name, value]) => /^upgrade$/i.test(name) || (/^connection$/i.test(name) && /upgrade/i.test(value)),
  );
}

/** The identity and source that the server sees are ours, in every request, and no other in any spelling. */
function checkIdentity(read: Replay, certificate: boolean): void {
  for (const { fields } of read.messages) {
    assert.ok(!fields.some(([, value]) => value.includes(claimed)), 'a claimed identity passed');
    const ours = fields
      .filter(([name]) => /^x[-_]remote|forwarded/i.test(name))
      .map(([name, value]) => `${name.toLowerCase()}: ${value}`);
    const expected = [`x-forwarded-for: ${sourceAddress}`];
    if (certificate) {
      expected.push(`x-remote-user: ${identity.user}`);
      for (const group of identity.groups) {
        expected.push(`x-remote-group: ${Buffer.from(group).toString('latin1')}`);
      }
    }
    assert.deepEqual(ours, expected, 'the identity fields are exactly ours');
  }
}
