// Runs a shield's own tests: exchanges through the judge that the gate uses, connections through the compiler and the kernel
// table (reach.ts). Attacks must be cut, innocent ones must pass.
import { createConnection } from '../inspect/connection.ts';
import {
  type Connection,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../inspect/connection-types.ts';
import { createHttp2Connection } from '../inspect/h2/connection.ts';
import { createFloodBudget } from '../inspect/h2/flood-budget.ts';
import { createRates } from '../inspect/rates.ts';
import { createRecordingSink, type RecordingSink } from '../inspect/recording-sink.ts';
import { compileRules, type RuleSet } from '../inspect/rules.ts';
import { type RulePhase, rateMilliseconds, type Shield, type ShieldTest } from '../model/shield.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { plainSteps } from './exchange-steps.ts';
import { exchangeBytes } from './exchange-text.ts';
import { type Way, waysOf } from './exchange-ways.ts';
import { createHttp2Side } from './http2-floods.ts';
import { acknowledged, callerOpens, http2Answer, http2Request, serverOpens } from './http2-peers.ts';
import { difference, type Outcome } from './outcome.ts';
import { runReach } from './reach.ts';
import { http1Answer, http1Bytes, writtenAnswer, writtenRequest } from './request-bytes.ts';

export type TestResult = {
  readonly name: string;
  readonly kind: 'attack' | 'innocent';
  readonly ok: boolean;
  /** What differed, as a clause; '' when nothing did. */
  readonly reason: string;
};
export type SelfTestResult = {
  readonly shield: string;
  readonly ok: boolean;
  readonly attacks: { readonly cut: number; readonly of: number };
  readonly innocents: { readonly passed: number; readonly of: number };
  readonly tests: readonly TestResult[];
};

/**
 * Each exchange runs in every way that there is (`waysOf`): in the pieces it is written in and byte by byte, and where it is
 * made of requests, in every writing of their bodies. All must go as expected.
 */
export function selfTest(shield: Shield, ways: typeof waysOf = waysOf): SelfTestResult {
  const rules = compileRules([gateShield(shield)]);
  const phases = new Map(shield.deeperDefense.rules.map(({ id, phase }) => [id, phase]));
  const tests = shield.tests.map((test): TestResult => {
    let reason = '';
    for (const way of ways(test)) {
      const differs = runTest(test, rules, phases, way);
      if (differs !== '') reason = way.name === '' ? differs : `${way.name}, ${differs}`;
      if (reason !== '') break;
    }
    return { name: test.name, kind: test.kind, ok: reason === '', reason };
  });
  for (const test of shield.reach ?? []) {
    const reason = runReach(shield, test);
    tests.push({ name: test.name, kind: test.kind, ok: reason === '', reason });
  }
  const good = (kind: 'attack' | 'innocent') => tests.filter((test) => test.kind === kind && test.ok).length;
  const all = (kind: 'attack' | 'innocent') => tests.filter((test) => test.kind === kind).length;
  return {
    shield: shield.id,
    ok: tests.every((test) => test.ok),
    attacks: { cut: good('attack'), of: all('attack') },
    innocents: { passed: good('innocent'), of: all('innocent') },
    tests,
  };
}

/** @returns what differed, '' when nothing did */
function runTest(test: ShieldTest, rules: RuleSet, phases: ReadonlyMap<string, RulePhase>, way: Way): string {
  const { sink, judge, reached } = runExchange(test, rules, way);
  const { findings, server, client } = sink;
  return difference(test, { findings, server, client, stands: standing(judge), reached }, phases, way);
}

function standing({ state }: Connection): Outcome['stands'] {
  if (state === 'tunnel') return 'tunnel';
  return state === 'closing' || state === 'closed' ? 'closed' : 'open';
}

/** Runs a test's exchange in one way, whatever is expected of it. */
export function runExchange(
  test: ShieldTest,
  rules: RuleSet,
  way: Way,
): { readonly sink: RecordingSink; readonly judge: Connection; readonly reached: boolean | undefined } {
  const sink = createRecordingSink();
  const source = '192.0.2.1';
  const user = test.as && 'user' in test.as ? test.as : undefined;
  let now = 0;
  const rates = createRates({ now: () => now });
  const clock = { now };
  const floodBudget = createFloodBudget(defaultConnectionLimits, clock);
  let connections = 0;
  const http2 = way.framing === 'http2';
  const connect = () => {
    side = createHttp2Side();
    const made = (http2 ? createHttp2Connection : createConnection)(
      {
        identity: user ? { method: 'certificate', ...user } : { method: 'none' },
        identityFields: defaultIdentityFields,
        sourceAddress: source,
        sourceTags: () => test.sourceTags ?? [],
        rules,
        limits: defaultConnectionLimits,
        floodBudget,
        rates: rates.of({ user: user?.user, source, connection: connections++ }),
      },
      sink,
    );
    if (http2) {
      made.clientData(callerOpens);
      made.serverData(serverOpens);
      made.clientData(acknowledged);
    }
    return made;
  };
  let side = createHttp2Side();
  let judge = connect();
  /** Did the last request reach the server? undefined: there was none, or frames came after it. */
  let reached: boolean | undefined;
  const feed = (from: 'client' | 'server', bytes: Buffer, size: number) => {
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size);
      if (from === 'client') judge.clientData(piece);
      else judge.serverData(piece);
    }
  };
  for (const step of plainSteps(test)) {
    if ('wait' in step) {
      now += rateMilliseconds(step.wait);
      clock.now = now;
      continue;
    }
    if ('reconnect' in step) {
      judge.clientEnd();
      judge = connect();
      continue;
    }
    if ('end' in step) {
      if (step.end === 'client') judge.clientEnd();
      else judge.serverEnd();
      continue;
    }
    if ('http2' in step) {
      reached = undefined;
      const bytes = side.flood(step);
      feed('client', bytes, way.split ?? bytes.length);
      const answer = side.answer(step);
      if (answer) feed('server', answer, way.split ?? answer.length);
      continue;
    }
    if ('request' in step) {
      const before = sink.requests.length;
      const stream = side.next();
      const written = writtenRequest(step, way.twin, test.as);
      const bytes =
        way.framing === 'http2' ? http2Request(stream, written) : http1Bytes(written, way.framing);
      feed('client', bytes, way.split ?? bytes.length);
      reached = sink.requests.length > before;
      if (reached) {
        const given = writtenAnswer(step);
        const answer = http2
          ? http2Answer(stream, given, written.method)
          : http1Answer(given, written.method);
        feed('server', answer, way.split ?? answer.length);
      }
      continue;
    }
    const fromClient = 'client' in step;
    const bytes = exchangeBytes(fromClient ? step.client : step.server);
    feed(fromClient ? 'client' : 'server', bytes, way.split ?? step.split ?? bytes.length);
  }
  return { sink, judge, reached };
}
