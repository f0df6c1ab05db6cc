// Ordinary traffic, as clients of many kinds send it: no shield that is in force refuses or cuts any of it.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createConnection } from '../../src/inspect/connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../../src/inspect/connection-types.ts';
import { createRecordingSink } from '../../src/inspect/recording-sink.ts';
import { compileRules } from '../../src/inspect/rules.ts';
import { gateShield } from '../../src/policy/gate-shield.ts';
import { parseShield } from '../../src/shields/load.ts';
import type { CorpusExchange } from './exchange.ts';
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
const rules = compileRules(shields.map((shield) => gateShield(shield, { parameters: {} })));

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
        for (const pieces of [Number.MAX_SAFE_INTEGER, 97]) assertPasses(exchange, pieces);
      });
    }
  });
}

function assertPasses(exchange: CorpusExchange, pieces: number): void {
  const { as } = exchange.client;
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: as ? { method: 'certificate', user: as.user, groups: [...as.groups] } : { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.1',
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  const say = (text: string, take: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += pieces) take(bytes.subarray(at, at + pieces));
  };
  say(requestText(exchange), (bytes) => judge.clientData(bytes));
  assert.match(sink.server, /\r\n\r\n/, 'the request reaches the server');
  assert.ok(
    sink.server.endsWith(latin1(exchange.body?.text ?? '')),
    'its body reaches the server as it came',
  );
  say(answerText(exchange), (bytes) => judge.serverData(bytes));
  const cut = sink.findings.filter(({ action }) => action !== 'allow' && action !== 'log');
  assert.deepEqual(cut, []);
  assert.ok(sink.client.startsWith(`HTTP/1.1 ${exchange.answer.status}`), sink.client.slice(0, 200));
  assert.ok(!sink.aborted);
  if (!exchange.tunnel) return;
  assert.equal(judge.state, 'tunnel');
  say(exchange.tunnel.client, (bytes) => judge.clientData(bytes));
  say(exchange.tunnel.server, (bytes) => judge.serverData(bytes));
  assert.ok(sink.server.endsWith(exchange.tunnel.client) && sink.client.endsWith(exchange.tunnel.server));
}

function requestText({ client, method, target, headers, body }: CorpusExchange): string {
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: 10.0.0.1:6443', `User-Agent: ${client.userAgent}`];
  lines.push(`Accept: ${client.accept ?? 'application/json, */*'}`, 'Accept-Encoding: gzip');
  if (!client.as) lines.push('Authorization: Bearer of-somebody');
  for (const [name, value] of Object.entries(headers ?? {})) {
    for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  }
  if (body)
    lines.push(`Content-Type: ${body.contentType}`, `Content-Length: ${Buffer.byteLength(body.text)}`);
  else if (method === 'POST') lines.push('Content-Length: 0');
  return `${lines.join('\r\n')}\r\n\r\n${latin1(body?.text ?? '')}`;
}

function answerText({ answer }: CorpusExchange): string {
  const { status, headers, text = '{}' } = answer;
  const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  if (status === 101) return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`;
  return `HTTP/1.1 ${status} Said\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${lines.join('')}\r\n${text}`;
}

/** UTF-8 bytes, one character each. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
