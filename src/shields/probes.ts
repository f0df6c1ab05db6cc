// Requests by which a shield's effect can be seen from outside without harm, made of its own attacks.
//
// Harmless by construction: they carry no credentials, so that a server that did get one would refuse it (401, 403) before
// doing anything; where they would write they ask for a dry run as well; and only those are given that the engine, with the
// shield alone, refuses before a byte goes on.
import { createConnection } from '../inspect/connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../inspect/connection-types.ts';
import { createRecordingSink } from '../inspect/recording-sink.ts';
import { compileRules, type RuleSet } from '../inspect/rules.ts';
import type { GateShield } from '../model/plan.ts';
import type { ExchangeStep, Shield } from '../model/shield.ts';
import type { VerifyProbe } from '../model/verification.ts';
import { exchangeBytes } from './exchange-text.ts';
import { http1Bytes, writtenRequest } from './request-bytes.ts';

/** For each rule. */
const maxProbes = 3;

/** What marks the requests of a verification, in the server's own log and to whoever looks at the wire. */
const agent = 'portcullis-verify/1 (harmless: no credentials, dry run)';

/**
 * In the order of the shield's tests; none where its attacks are told by answers, by many requests, or by who asks.
 * @param inForce the shield as the gate has it
 */
export function probesOf(shield: Shield, inForce: GateShield): readonly VerifyProbe[] {
  const { rules: all } = inForce;
  const rules = compileRules([inForce]);
  const probes: VerifyProbe[] = [];
  for (const test of shield.tests) {
    const [step, ...more] = test.steps;
    const [rule, ...others] = test.expect.rules;
    const denies = all.find(({ id, action }) => id === rule && action === 'deny');
    if (test.kind !== 'attack' || !step || more.length + others.length > 0 || !denies) continue;
    if (probes.filter((probe) => probe.rule === rule).length >= maxProbes) continue;
    const written = bytesOf(step);
    const request = written && harmless(written);
    if (!request || !isRefused(request, rules, denies.id)) continue;
    probes.push({
      rule: denies.id,
      test: test.name,
      request: request.toString('base64'),
      status: denies.status ?? 403,
      message: denies.message,
    });
  }
  return probes;
}

/** What a step of the caller's sends, as nobody; undefined for any other. */
function bytesOf(step: ExchangeStep): Buffer | undefined {
  if ('client' in step) return exchangeBytes(step.client);
  return 'request' in step ? http1Bytes(writtenRequest(step, 'json', undefined), 'length') : undefined;
}

/** The request without credentials and as a dry run; undefined for what is no plain request. */
function harmless(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = end < 0 ? [] : text.slice(0, end).split('\r\n');
  const [, method = '', target = '', version] = /^([A-Z]+) (\/\S*) (HTTP\/1\.1)$/.exec(start) ?? [];
  if (version === undefined) return undefined;
  const kept = lines.filter(
    (line) => !/^(authorization|cookie|user-agent|x-remote-|impersonate-)/i.test(line),
  );
  const dry =
    method === 'GET' || method === 'HEAD' ? target : `${target}${target.includes('?') ? '&' : '?'}dryRun=All`;
  const head = [`${method} ${dry} ${version}`, `User-Agent: ${agent}`, ...kept].join('\r\n');
  return Buffer.from(`${head}${text.slice(end)}`, 'latin1');
}

function isRefused(request: Buffer, rules: RuleSet, rule: string): boolean {
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.1',
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  judge.clientData(request);
  const [finding, ...more] = sink.findings;
  return finding?.rule === rule && more.length === 0 && finding.action === 'deny' && sink.server === '';
}
