// What the fuzzers try, by name. Each is a fast-check property over random exchanges that fails where a promise of the
// gate's does not hold.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { defaultHeadLimits, parseRequestHead } from '../../src/http/head.ts';
import { type Message, type Replay, replay } from '../../src/http/testing/replay.ts';
import { requestInfo } from '../../src/inspect/request-info.ts';
import { compileRules } from '../../src/inspect/rules.ts';
import { gateShield } from '../../src/policy/gate-shield.ts';
import { parseShield } from '../../src/shields/load.ts';
import { callerBytes, exchangeCase, goHandler, upgradeRequest } from './arbitrary.ts';
import { drive } from './drive.ts';
import type { GoOracle, GoRequest } from './go-oracle.ts';
import { checkNghttp2, driveHttp2, http2Case } from './h2.ts';

/** What a search found. */
export type Outcome = {
  readonly failed: boolean;
  readonly numRuns: number;
  readonly seed: number;
  readonly counterexample: unknown;
  readonly counterexamplePath: string | null;
  readonly errorInstance: unknown;
};

/** One search: runs until it fails, `runs` are done or the time is up. */
export type Search = {
  readonly name: string;
  check(limits: { seed: number; runs: number; milliseconds: number; path?: string }): Promise<Outcome>;
};

function search<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  holds: (value: T) => void | Promise<void>,
): Search {
  return {
    name,
    async check({ seed, runs, milliseconds, path }) {
      const property = fc.asyncProperty(arbitrary, async (value) => holds(value));
      return fc.check(property, {
        seed,
        numRuns: runs,
        interruptAfterTimeLimit: milliseconds,
        markInterruptAsFailure: false,
        ...(path === undefined ? {} : { path }),
      });
    },
  };
}

const shieldPath = join(import.meta.dirname, '../../shields/CVE-2018-1002105.yaml');
// Without its self-test, so that a defect is found here by the search itself.
const shield = parseShield(readFileSync(shieldPath, 'utf8'), shieldPath);
const rules = compileRules([gateShield(shield)]);
/** Every body is held, whatever it is for; some go on, judged or not. */
const holding = compileRules([
  gateShield(shield),
  {
    id: 'CVE-1-1',
    onBody: { undecodable: 'pass' },
    rules: [
      {
        id: 'held',
        phase: 'body',
        when: "object.values('a').size() > 0 || request.method == 'PUT'",
        action: 'deny',
        severity: 'major',
        message: 'No.',
      },
    ],
  },
]);

/** Longer than any exchange of these may take, ms of the processor: quadratic costs and loops show here. */
const slow = 500;

function notSlow(exchange: () => void): void {
  // A busy machine lengthens the clock's time, not the processor's.
  const before = process.cpuUsage();
  exchange();
  assert.ok(process.cpuUsage(before).user < slow * 1_000, 'an exchange takes too long');
}

const judgeSearch = search('judge', exchangeCase, (one) =>
  notSlow(() => {
    drive(one, rules);
    drive(one, holding);
  }),
);

const http2Search = search('http2', http2Case, (one) =>
  notSlow(() => {
    driveHttp2(one, rules);
    driveHttp2(one, holding);
  }),
);

const nghttp2Search = search('nghttp2 reads the requests that were forwarded', http2Case, async (one) => {
  for (const some of [rules, holding]) await checkNghttp2(driveHttp2({ ...one, bend: undefined }, some));
});

export const searches: readonly Search[] = [judgeSearch, http2Search, nghttp2Search];

/** Those that ask Go. */
export function goSearches(go: GoOracle): readonly Search[] {
  return [
    search('go reads the requests that were forwarded', exchangeCase, async (one) => {
      const { forwarded, read, sink } = drive(one, one.certificate ? holding : rules);
      for (const by of ['loop', 'server'] as const) {
        const theirs = await go.requests(forwarded, by);
        sameRequests(read, theirs.requests, by);
        assert.equal(theirs.rejected, '', `Go (${by}) refuses what was forwarded`);
        if (by === 'server') assert.equal(theirs.rest, 0, 'bytes for a tunnel were forwarded');
        const answerable = theirs.requests.length === sink.requests.length;
        for (const [index, line] of sink.requests.entries()) {
          const path = theirs.requests[index]?.path;
          if (!answerable || path === undefined) continue;
          assert.equal(Buffer.from(path, 'latin1').toString(), line.slice(line.indexOf(' ') + 1), 'the path');
        }
      }
    }),
    search('what go takes for an upgrade, so do we', fc.oneof(callerBytes, upgradeRequest), async (bytes) => {
      const head = parseRequestHead(Buffer.from(bytes, 'latin1'), 0, defaultHeadLimits);
      if (head.kind !== 'request') return;
      const [theirs] = (await go.requests(bytes, 'loop')).requests;
      if (!theirs) return;
      assert.ok(!theirs.upgrade || head.upgrade.trigger, 'Go would upgrade');
      const info = requestInfo(head.method, head.target);
      if (typeof info === 'string') return;
      assert.equal(info.path, Buffer.from(theirs.path, 'latin1').toString());
    }),
    search('go reads the same responses', goHandler.response, async ({ bytes, method }) => {
      const ours = replay([Buffer.from(bytes, 'latin1')], { kind: 'response', method });
      const theirs = await go.responses(method, bytes);
      for (const [index, message] of ours.messages.entries()) {
        const other = theirs.responses[index];
        if (!other) {
          assert.ok(theirs.rejected !== '' || !message.complete, `Go reads no response ${index}`);
          return;
        }
        assert.equal(other.status, Number(message.startLine.split(' ')[0]));
        if (message.startLine.startsWith('101')) return;
        if (theirs.rejected === '' && message.complete) {
          assert.equal(other.body, message.body);
          assert.equal(other.complete, true);
        }
      }
    }),
    search('what go writes, the judge takes for one answer', goHandler.written, async (one) => {
      const written = await go.answers(one.request, one.handler);
      assert.ok(written.bytes.startsWith('HTTP/1.'), written.bytes);
      // One at a time, as the gate sends them.
      const driven = drive(
        {
          steps: [
            { from: 'client', bytes: one.request },
            { from: 'server', bytes: written.bytes },
          ],
          pieces: one.pieces,
          certificate: false,
        },
        rules,
      );
      if (driven.sink.requests.length === 0) return;
      assert.deepEqual(
        driven.sink.findings.map(({ rule }) => rule),
        [],
      );
      assert.equal(driven.sink.client, written.bytes);
      assert.deepEqual(driven.sink.responses, [one.handler.status]);
    }),
  ];
}

function sameRequests(ours: Replay, theirs: readonly GoRequest[], by: 'loop' | 'server'): void {
  // The server answers OPTIONS * itself, before any handler.
  const messages = ours.messages.filter(
    ({ startLine }) => by === 'loop' || !startLine.startsWith('OPTIONS * '),
  );
  assert.deepEqual(
    theirs.map((request) => `${request.method} ${request.target} ${request.minor}`),
    messages.map(({ startLine }) => startLine),
    `the requests as Go (${by}) reads them`,
  );
  for (const [index, message] of messages.entries()) {
    const other = theirs[index] as GoRequest;
    assert.deepEqual(fieldsOfGo(other), fieldsOfOurs(message), 'the fields');
    assert.equal(other.body, message.body, 'the body');
    assert.equal(other.complete, message.complete, 'the end of the body');
    assert.equal(other.trailers, 0, 'trailers');
  }
}

/** Framing fields, which Go takes out or keeps for itself, and what it adds (Cache-Control for Pragma). */
const framing = new Set(['Transfer-Encoding', 'Content-Length', 'Trailer', 'Cache-Control', 'Pragma']);

function fieldsOfGo(request: GoRequest): string[] {
  const all = [...request.header].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
  if (request.host !== '') all.push(`Host: ${request.host}`);
  return all.filter((field) => !framing.has(field.slice(0, field.indexOf(':')))).sort();
}

function fieldsOfOurs(message: Message): string[] {
  const all = message.fields.map(([name, value]) => `${canonical(name)}: ${value}`);
  return all.filter((field) => !framing.has(field.slice(0, field.indexOf(':'))) && field !== 'Host: ').sort();
}

/** net/textproto's CanonicalMIMEHeaderKey for names of token characters. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
