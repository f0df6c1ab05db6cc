// Ordinary traffic, as clients of many kinds send it: no shield that is in force refuses or cuts any of it.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createConnection } from '../../src/inspect/connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../../src/inspect/connection-types.ts';
import { createHttp2Connection } from '../../src/inspect/h2/connection.ts';
import { createRecordingSink } from '../../src/inspect/recording-sink.ts';
import { compileRules, type RuleSet } from '../../src/inspect/rules.ts';
import { gateShield } from '../../src/policy/gate-shield.ts';
import { acknowledged, callerOpens, serverOpens } from '../../src/shields/http2-peers.ts';
import { parseShield } from '../../src/shields/load.ts';
import type { CorpusExchange } from './exchange.ts';
import { type Exception, type Form, formsOf } from './forms.ts';
import { informerExchanges } from './informers.ts';
import { kubectlExchanges } from './kubectl.ts';
import { packageExchanges } from './packages.ts';
import { streamExchanges } from './streams.ts';

const corpus: Readonly<Record<string, readonly CorpusExchange[]>> = {
  kubectl: kubectlExchanges,
  informers: informerExchanges,
  packages: packageExchanges,
  streams: streamExchanges,
};

const folder = join(import.meta.dirname, '../../shields');
const shields = globSync('*.yaml', { cwd: folder }).map((file) =>
  parseShield(readFileSync(join(folder, file), 'utf8'), file),
);
// As at a site that has set nothing: rules that need its data are off, all others are enforced.
const inForce = (without: readonly string[]) =>
  compileRules(
    shields.filter(({ id }) => !without.includes(id)).map((shield) => gateShield(shield, { parameters: {} })),
  );
const rules = inForce([]);
const excepted = new Map<Exception, RuleSet>();

test('the corpus is large, and no exchange stands in it twice', () => {
  const all = Object.values(corpus).flat();
  assert.ok(all.length >= 500, `${all.length} exchanges`);
  const seen = new Map<string, string>();
  for (const { name, client, ...wire } of all) {
    const text = JSON.stringify([client, wire]);
    assert.ok(!seen.has(text), `${client.name}: ${name} is ${seen.get(text)}`);
    seen.set(text, name);
  }
});

for (const [page, exchanges] of Object.entries(corpus)) {
  describe(page, () => {
    for (const exchange of exchanges) {
      test(`${exchange.client.name}: ${exchange.name}`, () => {
        for (const form of formsOf(exchange)) {
          const { except } = form;
          if (except) {
            if (!excepted.has(except)) excepted.set(except, inForce(except.shields));
            assertRefused(exchange, form, except);
          }
          assertPasses(exchange, form, except ? (excepted.get(except) ?? rules) : rules);
        }
      });
    }
  });
}

test('bodies go in every writing that the API server reads, and over both protocols', () => {
  const counts = new Map<string, number>();
  for (const exchange of Object.values(corpus).flat()) {
    for (const { name } of formsOf(exchange)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const shown = JSON.stringify([...counts]);
  for (const [name, least] of [
    ['', 840],
    ['in pieces', 840],
    ['in chunks', 280],
    ['as yaml', 150],
    ['as cbor', 150],
    ['as protobuf', 100],
    ['over HTTP/2', 800],
    ['over HTTP/2, as protobuf', 100],
  ] as const) {
    assert.ok((counts.get(name) ?? 0) >= least, `${name}: ${shown}`);
  }
});

/** By the shields that are named, and by no other. */
function assertRefused(exchange: CorpusExchange, form: Form, { shields: named }: Exception): void {
  const { cut } = send(exchange, form, rules);
  assert.deepEqual([...new Set(cut.map(({ shield }) => shield))].sort(), named, form.name);
}

/** The request alone. */
function send(exchange: CorpusExchange, form: Form, inForce: RuleSet) {
  const { as } = exchange.client;
  const sink = createRecordingSink();
  const judge = (form.http2 ? createHttp2Connection : createConnection)(
    {
      identity: as ? { method: 'certificate', user: as.user, groups: [...as.groups] } : { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.1',
      rules: inForce,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  const say = (bytes: Buffer, take: (bytes: Buffer) => void) => {
    for (let at = 0; at < bytes.length; at += form.pieces) take(bytes.subarray(at, at + form.pieces));
  };
  const fromCaller = (bytes: Buffer) => say(bytes, (piece) => judge.clientData(piece));
  const fromServer = (bytes: Buffer) => say(bytes, (piece) => judge.serverData(piece));
  if (form.http2) {
    fromCaller(callerOpens);
    fromServer(serverOpens);
    fromCaller(acknowledged);
  }
  fromCaller(form.request);
  const cut = sink.findings.filter(({ action }) => action !== 'allow' && action !== 'log');
  return { sink, judge, cut, fromCaller, fromServer };
}

function assertPasses(exchange: CorpusExchange, form: Form, inForce: RuleSet): void {
  const { sink, judge, cut, fromCaller, fromServer } = send(exchange, form, inForce);
  assert.deepEqual(
    cut.map(({ shield, rule, message }) => `${shield}/${rule}: ${message}`),
    [],
    form.name,
  );
  assert.equal(sink.requests.length, 1, `${form.name}: the request reaches the server`);
  assert.ok(sink.server.includes(form.body), `${form.name}: its body reaches the server as it came`);
  fromServer(form.answer);
  assert.deepEqual(sink.responses, [exchange.answer.status], form.name);
  assert.ok(!sink.aborted && judge.state !== 'closed', form.name);
  if (!exchange.tunnel) return;
  assert.equal(judge.state, 'tunnel');
  const { client, server } = exchange.tunnel;
  fromCaller(Buffer.from(client, 'latin1'));
  fromServer(Buffer.from(server, 'latin1'));
  assert.ok(sink.server.endsWith(client) && sink.client.endsWith(server));
}
