// What the HTTP/2 judge costs per exchange: nanoseconds of CPU for one plain GET and its answer of 2.7 KB on a connection
// that goes on. `repeated`: all fields come out of the tables, as h2load sends them; `fresh`: path, date and audit id are
// new each time, as Go's client and server send them. Sockets and TLS are not in it.
//   node bench/h2-judge.ts [--json]
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  preface,
  settingsAck,
  settingsFrame,
} from '../src/http/h2/frames.ts';
import { HpackTwin, type TwinField } from '../src/http/h2/testing/hpack-twin.ts';
import type { ConnectionSink } from '../src/inspect/connection-types.ts';
import { createHttp2Connection } from '../src/inspect/h2/connection.ts';
import { noRules } from '../src/inspect/rules.ts';
import { developer, silentSink, spent } from './lib/judge.ts';

const sink: ConnectionSink = {
  ...silentSink,
  closeServer() {
    throw new Error('a plain exchange ended the connection');
  },
  finding() {
    throw new Error('a plain exchange raised a finding');
  },
};
const body = Buffer.alloc(2_700, 'y');
const indexed = { form: 'indexed', huffman: true, spell: false } as const;

type Exchange = { readonly request: Buffer; readonly answer: Buffer };

/** Exchanges of one connection, streams numbered from 1. */
function exchanges(count: number, fresh: boolean): Exchange[] {
  const requests = new HpackTwin();
  const answers = new HpackTwin();
  const block = (twin: HpackTwin, fields: readonly TwinField[]) =>
    Buffer.concat(fields.map((field) => twin.field(field, indexed)));
  return Array.from({ length: count }, (_, index) => {
    const stream = 1 + 2 * index;
    const asked = block(requests, [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', `/api/v1/namespaces/lab/pods/web${fresh ? `-${index}` : ''}`],
      [':authority', '10.0.0.1:6443'],
      ['user-agent', 'kubectl/v1.33.0 (linux/amd64) kubernetes/60a317e'],
      ['accept', 'application/json'],
      ['authorization', `Bearer ${'x'.repeat(900)}`],
      ['accept-encoding', 'gzip'],
    ]);
    const told = block(answers, [
      [':status', '200'],
      ['audit-id', `0b2f3c1e-8b0e-4a52-9d5b-${fresh ? index : 'same'}`],
      ['cache-control', 'no-cache, private'],
      ['content-type', 'application/json'],
      ['x-kubernetes-pf-flowschema-uid', '6f1c5b1a'],
      ['x-kubernetes-pf-prioritylevel-uid', '3a9d'],
      ['content-length', '2700'],
      ['date', fresh ? `Mon, 23 Nov 2026 15:00:${index % 60} GMT` : 'Mon, 23 Nov 2026 15:00:00 GMT'],
    ]);
    return {
      request: frame(HEADERS, END_HEADERS | END_STREAM, stream, asked),
      answer: Buffer.concat([
        frame(HEADERS, END_HEADERS, stream, told),
        frame(DATA, END_STREAM, stream, body),
      ]),
    };
  });
}

/** @returns nanoseconds of CPU an exchange */
function measure(all: readonly Exchange[]): number {
  const judge = createHttp2Connection(developer(noRules), sink);
  judge.clientData(Buffer.concat([preface, settingsFrame([])]));
  judge.serverData(Buffer.concat([settingsFrame([]), settingsAck]));
  judge.clientData(settingsAck);
  const exchange = () => {
    for (const { request, answer } of all) {
      judge.clientData(request);
      judge.serverData(answer);
    }
  };
  return spent(exchange, 1) / all.length;
}

const results = [false, true].map((fresh) => {
  const all = exchanges(20_000, fresh);
  measure(all);
  const runs = Array.from({ length: 5 }, () => measure(all)).sort((a, b) => a - b);
  return {
    name: fresh ? 'fresh' : 'repeated',
    nsPerExchange: Math.round(runs[2] ?? 0),
    best: Math.round(runs[0] ?? 0),
  };
});
if (process.argv.includes('--json')) console.log(JSON.stringify(results));
else {
  for (const { name, nsPerExchange, best } of results) {
    console.log(`${name.padEnd(10)} ${String(nsPerExchange).padStart(6)} ns/exchange (best ${best})`);
  }
}
