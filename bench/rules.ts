// What rules cost: CPU a request of the rule engine alone (of the head; "body" rows: of the body, decoded before) and of the
// whole HTTP/1.1 judge, by kind of request, with the catalogue and with ten differing copies of it; decoders of bodies; inputs made to be costly; estimates of cost against
// measured times. Beside it, for scale, what ModSecurity with the OWASP Core Rule Set adds to Apache for the same requests.
//
//   apt-get install --no-install-recommends apache2 libapache2-mod-security2 modsecurity-crs    (once; not done here)
//   npm run bench:rules -- [--json] [--quick] [--only PREFIX,PREFIX]
//
// Nothing but loopback is used. Each figure is the median of rounds; the ratio is Portcullis to ModSecurity.
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { parseRequestHead, type RequestHead } from '../src/http/head.ts';
import { decodeBody } from '../src/inspect/body/decode.ts';
import { defaultBodyLimits } from '../src/inspect/body/types.ts';
import { decodeRequest, isUndecodable } from '../src/inspect/body-content.ts';
import { createConnection } from '../src/inspect/connection.ts';
import { predicateCost } from '../src/inspect/cost.ts';
import { attributesOf } from '../src/inspect/exchange-attributes.ts';
import { withRates } from '../src/inspect/rates.ts';
import { Reporter } from '../src/inspect/reporter.ts';
import { type RequestInfo, requestInfo } from '../src/inspect/request-info.ts';
import { compileRules, heldFor, judge, noRules, type RuleSet } from '../src/inspect/rules.ts';
import { type Body, costlyBodies, ordinaryBodies } from './lib/bodies.ts';
import { costlyForRules, type RuledBody } from './lib/costly-rules.ts';
import { developer, silentSink, spent } from './lib/judge.ts';
import { missingForModsecurity, modsecurityCost, modsecurityVersions } from './lib/modsecurity.ts';
import { median } from './lib/processes.ts';
import { rounded } from './lib/report.ts';
import { kindRequests } from './lib/rule-requests.ts';
import { gateShields } from './lib/rules.ts';

type Row = {
  readonly case: string;
  readonly rules: 'none' | 'catalogue' | 'catalogue-x10' | '-';
  readonly unit: string;
  readonly portcullis: number;
  readonly modsecurity?: number;
  readonly ratio?: number;
};

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const rounds = options.quick ? 3 : 7;
/** Milliseconds of CPU that a round takes about. */
const roundMs = options.quick ? 20 : 150;
const only = options.only?.split(',');
const rows: Row[] = [];
const notes: string[] = [];

const sets: readonly [Row['rules'], RuleSet][] = [
  ['none', noRules],
  ['catalogue', compileRules(gateShields(1))],
  ['catalogue-x10', compileRules(gateShields(10))],
];

const missing = missingForModsecurity();
if (missing.length > 0) note(`ModSecurity is left out; run: apt-get install ${missing.join(' ')}`);
const peers = missing.length > 0 ? [] : await peer();

for (const [index, { kind, bytes, answer }] of kindRequests.entries()) {
  for (const [name, rules] of sets) {
    if (name !== 'none' && wanted(`engine-${kind}`)) {
      add(`engine-${kind}`, name, 'ns/request', measure(engine(rules, bytes)), peers[index]);
    }
    if (!wanted(`judge-${kind}`)) continue;
    const connection = createConnection(developer(rules), silentSink);
    const exchange = () => {
      connection.clientData(bytes);
      connection.serverData(answer);
    };
    exchange();
    if (connection.idle) add(`judge-${kind}`, name, 'ns/request', measure(exchange));
    else note(`judge-${kind} with ${name}: the exchange did not pass`);
  }
}
for (const { kind, bytes } of kindRequests) {
  const body = wanted(`body-${kind}`) ? bodyOf(kind, bytes) : undefined;
  for (const [rules, set] of body ? sets.slice(1) : []) {
    const judged = body && overBody(set, body);
    if (typeof judged === 'function') add(`body-${kind}`, rules, 'ns/request', measure(judged));
    else note(`body-${kind} with ${rules}: ${judged}, so it goes on as it comes`);
  }
}
for (const body of ordinaryBodies) {
  if (!wanted(`decode-${body.name}`)) continue;
  if (decoded(body) !== 'decoded') note(`decode-${body.name}: ${decoded(body)}`);
  else add(`decode-${body.name}`, '-', 'MB/s', body.bytes.length / (measure(() => decoded(body)) / 1_000));
}
for (const body of costlyBodies) {
  if (!wanted(`costly-${body.name}`)) continue;
  note(`costly-${body.name}: ${decoded(body)}`);
  add(`costly-${body.name}`, '-', 'ms', measure(() => decoded(body)) / 1e6);
}
const names = Array.from({ length: 20_000 }, (_, n) => `a${n.toString(36)}`)
  .join('&')
  .slice(0, 64_000);
const path = (tail: string) => `/api/v1/namespaces/lab/pods/${tail}`;
const costlyHeads: readonly [string, string][] = [
  ['query-of-64-KiB', `${path('web/exec')}?${names}`],
  ['path-of-64-KiB', `/exec${'a'.repeat(64_000)}`],
  ['field-selector-of-64-KiB', `/api/v1/pods?fieldSelector=${'metadata.name%3Da,'.repeat(3_500)}`],
];
for (const [name, target] of costlyHeads) {
  if (!wanted(`costly-${name}`)) continue;
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`);
  for (const [rules, set] of sets.slice(1)) {
    add(`costly-${name}`, rules, 'ms', measure(engine(set, bytes)) / 1e6);
  }
}
for (const body of costlyForRules) {
  if (!wanted(`costly-rules-${body.name}`)) continue;
  for (const [rules, set] of sets.slice(1)) {
    const judged = overBody(set, body);
    if (typeof judged === 'string') note(`costly-rules-${body.name} with ${rules}: ${judged}`);
    else add(`costly-rules-${body.name}`, rules, 'ms', measure(judged) / 1e6);
  }
  add(`costly-decoded-${body.name}`, '-', 'ms', measure(() => decodedFor(body)) / 1e6);
}
if (wanted('cost')) costs();

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  ...(missing.length > 0 ? {} : await modsecurityVersions()),
  rounds,
};
if (options.json) process.stdout.write(`${JSON.stringify({ machine, rows, notes })}\n`);
else print();

function wanted(name: string): boolean {
  return !only || only.some((prefix) => name.startsWith(prefix));
}

function note(line: string): void {
  notes.push(line);
  process.stderr.write(`bench:rules: ${line}\n`);
}

function add(
  name: string,
  rules: Row['rules'],
  unit: string,
  portcullis: number,
  modsecurity?: number,
): void {
  const beside =
    modsecurity === undefined
      ? {}
      : { modsecurity: rounded(modsecurity), ratio: rounded(portcullis / modsecurity) };
  rows.push({ case: name, rules, unit, portcullis: rounded(portcullis), ...beside });
}

async function peer(): Promise<readonly number[]> {
  if (!kindRequests.some(({ kind }) => wanted(`engine-${kind}`))) return [];
  try {
    return await modsecurityCost(
      kindRequests.map(({ bytes }) => bytes),
      options.quick ? 0.5 : 3,
    );
  } catch (error) {
    note(`ModSecurity is left out: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** @returns nanoseconds of CPU a call, the median of the rounds */
function measure(action: () => unknown): number {
  // Warm: what is not optimised yet is no cost of a gate that runs.
  let calls = 1;
  for (let left = roundMs * 1e6; left > 0; calls *= 2) left -= spent(action, calls) * calls;
  const warm = spent(action, calls);
  calls = Math.max(1, Math.ceil((roundMs * 1e6) / warm));
  return median(Array.from({ length: rounds }, () => spent(action, calls)));
}

/** Finding the rules that could fire on a request whose head is read, and asking them. */
function engine(rules: RuleSet, bytes: Buffer): () => unknown {
  const head = parseRequestHead(bytes, 0, { bytes: 70_000, fields: 200 }, undefined) as RequestHead;
  const info = requestInfo(head.method, head.target);
  if (typeof info === 'string') throw new Error(info);
  const report = new Reporter(withRates(developer(rules)), silentSink);
  return () => {
    const candidates = rules.request(info, head.upgrade.trigger);
    if (candidates.length > 0) report.request(candidates, head, info);
    return rules.response(info, head.upgrade.trigger, 200, 'certificate');
  };
}

function decoded({ contentType, verb, resource, bytes }: Body): string {
  const input = {
    contentType,
    contentEncoding: '',
    verb,
    group: '',
    version: 'v1',
    resource,
    subresource: '',
    bytes,
  };
  const result = decodeBody(input, defaultBodyLimits);
  return result.kind === 'undecodable' ? `refused, ${result.code} (${result.reason})` : 'decoded';
}

/** A request's body, as the rules meet it once it is decoded; undefined without one. */
function bodyOf(name: string, bytes: Buffer): RuledBody | undefined {
  const head = parseRequestHead(bytes, 0, { bytes: 70_000, fields: 200 }, undefined) as RequestHead;
  const contentType = head.fields.find('content-type');
  if (contentType < 0) return undefined;
  return {
    name,
    method: head.method as RuledBody['method'],
    target: head.target,
    contentType: head.fields.valueText(contentType),
    bytes: bytes.subarray(head.end),
  };
}

/** Nanoseconds a step, on inputs near to what the estimate assumes; and do both put predicates in the same order? */
function costs(): void {
  const text = 'a'.repeat(60_000);
  const query = names.slice(0, 60_000);
  const inputs: readonly [predicate: string, target: string][] = [
    ['request.name == "b"', path('a')],
    ['request.name.contains("ab")', path(text)],
    ['request.name.matches("b$")', path(text)],
    ['request.name.matches("(a|b)*a(a|b){14}c")', path(mixed(60_000))],
    ['"b" in request.queryNames', `${path('a')}?${query}`],
    ['request.queryNames.exists(name, name == "b")', `${path('a')}?${query}`],
    [
      'request.queryNames.exists(name, name.startsWith("b") && name != "c" || name == "d")',
      `${path('a')}?${query}`,
    ],
    ['request.queryNames.map(name, name + "b").exists(name, name == "c")', `${path('a')}?${query}`],
  ];
  const measured = inputs.map(([when, target]) => {
    const rules = ruleAlone('request', when);
    const ns = measure(engine(rules, Buffer.from(`GET ${target} HTTP/1.1\r\nHost: k\r\n\r\n`)));
    const steps = predicateCost(when);
    add(`cost ${when}`, '-', `ns/step of ${steps}`, ns / steps);
    return { ns, steps };
  });
  for (const [when, bytes] of costlyForPaths()) {
    const judged = overBody(ruleAlone('body', when), {
      name: when,
      method: 'POST',
      target: '/api/v1/namespaces/lab/pods',
      contentType: 'application/json',
      bytes,
    });
    if (typeof judged === 'string') throw new Error(judged);
    const ns = measure(judged);
    const steps = predicateCost(when);
    add(`cost ${when}`, '-', `ns/step of ${steps}`, ns / steps);
    measured.push({ ns, steps });
  }
  add(
    'cost-order',
    '-',
    'rank correlation',
    rankCorrelation(
      measured.map(({ ns }) => ns),
      measured.map(({ steps }) => steps),
    ),
  );
}

/** Predicates over bodies, and bodies of as many values as the decoders let through, of the kind they look for. */
function costlyForPaths(): [predicate: string, body: Buffer][] {
  const body = (value: object) => Buffer.from(JSON.stringify(value));
  const many = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
  const list = body({ kind: 'List', items: many(500, () => ({ spec: {} })) });
  const containers = body({ kind: 'Pod', spec: { containers: many(65_000, () => ({ image: 'a' })) } });
  const annotations = Object.fromEntries(many(190_000, (n) => [`k${n}`, 'v']));
  const keys = body({ kind: 'Pod', metadata: { annotations }, spec: {} });
  return [
    ['pods.exists(p, p.values("spec.hostPID").exists(v, v == true))', list],
    ['pods.exists(p, p.strings("spec.containers[*].image").exists(i, i.matches("^evil/")))', containers],
    ['object.strings("metadata.annotations.*").exists(v, v.matches("x$"))', keys],
  ];
}

/** All rules over this body, decoded before; a text says why it is refused, or not held. */
function overBody(rules: RuleSet, body: RuledBody): (() => unknown) | string {
  const { info, head } = headFor(body);
  const content = decodeRequest(info, head, body.bytes);
  if (isUndecodable(content)) return `refused, ${content.code} (${content.reason})`;
  const caller = developer(rules);
  const asked = () =>
    attributesOf(info, () => head, Number.POSITIVE_INFINITY, caller, undefined, 0, '', content);
  const candidates = heldFor(rules.body(info, false), asked());
  if (candidates.length === 0) return 'no rule asks for it';
  return () => {
    // What the rules worked out of it the last time.
    content.kept?.clear();
    return judge(candidates, asked());
  };
}

function decodedFor(body: RuledBody): unknown {
  const { info, head } = headFor(body);
  return decodeRequest(info, head, body.bytes);
}

function headFor({ method, target, contentType }: RuledBody): { info: RequestInfo; head: RequestHead } {
  const text = `${method} ${target} HTTP/1.1\r\nHost: k\r\nContent-Type: ${contentType}\r\nContent-Length: 1\r\n\r\n`;
  const limits = { bytes: 70_000, fields: 200 };
  const head = parseRequestHead(Buffer.from(text), 0, limits, undefined) as RequestHead;
  const info = requestInfo(head.method, head.target);
  if (typeof info === 'string') throw new Error(info);
  return { info, head };
}

function ruleAlone(phase: 'request' | 'body', when: string): RuleSet {
  return compileRules([
    { id: 'COST', rules: [{ id: 'cost', phase, when, action: 'log', severity: 'info', message: '' }] },
  ]);
}

/** Of two letters, so that an automaton that does not settle meets ever new states. */
function mixed(length: number): string {
  let bits = 1;
  return Array.from({ length }, () => {
    bits = (Math.imul(bits, 1_103_515_245) + 12_345) >>> 0;
    return bits & 0x10000 ? 'a' : 'b';
  }).join('');
}

/** Spearman's: 1 where both have the same order. */
function rankCorrelation(left: readonly number[], right: readonly number[]): number {
  const ranks = (values: readonly number[]) =>
    values.map((value) => values.filter((other) => other < value).length);
  const [a, b] = [ranks(left), ranks(right)];
  const squares = a.reduce((sum, rank, index) => sum + (rank - (b[index] ?? 0)) ** 2, 0);
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1));
}

function print(): void {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
  const line = (cells: readonly (string | number | undefined)[]) =>
    say(
      cells.map((cell, index) => String(cell ?? '-').padEnd([28, 15, 22, 12, 13, 8][index] ?? 8)).join(' '),
    );
  line(['case', 'rules', 'unit', 'portcullis', 'modsecurity', 'ratio']);
  for (const row of rows) line([row.case, row.rules, row.unit, row.portcullis, row.modsecurity, row.ratio]);
}
