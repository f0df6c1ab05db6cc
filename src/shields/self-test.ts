// Runs a shield's own exchanges through the judge that the gate uses: attacks must be cut, innocent ones must pass.
import { createConnection } from '../inspect/connection.ts';
import {
  type Connection,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../inspect/connection-types.ts';
import { createRates } from '../inspect/rates.ts';
import { createRecordingSink, type RecordingSink } from '../inspect/recording-sink.ts';
import { compileRules, type RuleSet } from '../inspect/rules.ts';
import { rateMilliseconds, type Shield, type ShieldTest } from '../model/shield.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { plainSteps } from './exchange-steps.ts';
import { exchangeBytes } from './exchange-text.ts';

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

/** Each exchange runs twice: in the pieces it is written in, and byte by byte. Both must go as expected. */
export function selfTest(shield: Shield): SelfTestResult {
  const rules = compileRules([gateShield(shield)]);
  const tests = shield.tests.map((test): TestResult => {
    const whole = runTest(test, rules, undefined);
    const split = whole === '' ? runTest(test, rules, 1) : '';
    const reason = whole || (split && `byte by byte, ${split}`);
    return { name: test.name, kind: test.kind, ok: reason === '', reason };
  });
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

/** @param split bytes a piece, whatever the steps say. @returns what differed, '' when nothing did */
function runTest(test: ShieldTest, rules: RuleSet, split: number | undefined): string {
  const sink = createRecordingSink();
  const source = '192.0.2.1';
  let now = 0;
  const rates = createRates(() => now, 0);
  let connections = 0;
  const connect = () =>
    createConnection(
      {
        identity: test.as ? { method: 'certificate', ...test.as } : { method: 'none' },
        identityFields: defaultIdentityFields,
        sourceAddress: source,
        rules,
        limits: defaultConnectionLimits,
        rates: rates.of({ user: test.as?.user, source, connection: connections++ }),
      },
      sink,
    );
  let judge = connect();
  for (const step of plainSteps(test)) {
    if ('wait' in step) {
      now += rateMilliseconds(step.wait);
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
    const fromClient = 'client' in step;
    const bytes = exchangeBytes(fromClient ? step.client : step.server);
    const size = split ?? step.split ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size);
      if (fromClient) judge.clientData(piece);
      else judge.serverData(piece);
    }
  }
  return difference(test, sink, judge);
}

function difference(test: ShieldTest, sink: RecordingSink, judge: Connection): string {
  const { expect } = test;
  const fired = sink.findings.map((finding) => finding.rule);
  if (fired.join() !== expect.rules.join()) {
    return `the rules that fired were [${fired.join(', ')}], not [${expect.rules.join(', ')}]`;
  }
  const cutting = sink.findings.find((finding) => finding.action !== 'allow' && finding.action !== 'log');
  if (test.kind === 'innocent' && cutting) return `the rule ${cutting.rule} cut it`;
  for (const text of expect.neverToServer) {
    if (holds(sink.server, text)) return `'${text}' reached the server`;
  }
  for (const text of expect.toServer) {
    if (!holds(sink.server, text)) return `'${text}' did not reach the server`;
  }
  for (const text of expect.toClient) {
    if (!holds(sink.client, text)) return `'${text}' did not reach the caller`;
  }
  for (const text of expect.neverToClient) {
    if (holds(sink.client, text)) return `'${text}' reached the caller`;
  }
  const stands =
    judge.state === 'tunnel'
      ? 'tunnel'
      : judge.state === 'closing' || judge.state === 'closed'
        ? 'closed'
        : 'open';
  if (stands === expect.connection) return '';
  return `the connection ended as ${stands}, not ${expect.connection}`;
}

function holds(sent: string, text: string): boolean {
  return sent.includes(exchangeBytes(text).toString('latin1'));
}
