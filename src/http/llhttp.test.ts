// Node's llhttp never reads a different message from bytes that this layer accepts: it reads the same, or refuses.
import assert from 'node:assert/strict';
import { Agent, request as clientRequest, createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestBytes, responseBytes } from './testing/arbitrary.ts';
import { type Fields, type Message, type Replay, replay } from './testing/replay.ts';

type Tally = { same: number; rejected: number };

/** After a request to change protocol Node reads no more messages, and the gate forwards none. */
function isUpgrade(message: Message): boolean {
  return message.fields.some(([name]) => name.toLowerCase() === 'upgrade');
}

function compare(ours: Replay, theirs: Heard, tally: Tally): void {
  for (const [index, message] of ours.messages.entries()) {
    const other = theirs.messages[index];
    const before = ours.messages[index - 1];
    if (!other && before && isUpgrade(before)) return;
    if (!message.complete && ours.refused) {
      // Its head and the bytes before the refusal have been forwarded: what Node makes of them must begin alike.
      if (!other) continue;
      assert.deepEqual([other.startLine, other.fields], [message.startLine, message.fields]);
      assert.ok(message.body.startsWith(other.body) || other.body.startsWith(message.body));
      continue;
    }
    if (theirs.rejected && !other?.complete) {
      tally.rejected++;
      return;
    }
    assert.deepEqual(other, message);
    tally.same++;
  }
  if (!ours.refused) assert.equal(theirs.messages.length, ours.messages.length);
}

test('a Node server reads the same requests or refuses', async () => {
  const tally = { same: 0, rejected: 0 };
  await fc.assert(
    fc.asyncProperty(requestBytes, async (input) => {
      const bytes = Buffer.from(input, 'latin1');
      compare(replay([bytes], { kind: 'request' }), await nodeServerReads(bytes), tally);
    }),
    { numRuns: 4_000 },
  );
  assert.ok(tally.same > 1_000, JSON.stringify(tally));
});

test('a Node client reads the same responses or refuses', async () => {
  const tally = { same: 0, rejected: 0 };
  await fc.assert(
    fc.asyncProperty(responseBytes, fc.constantFrom('GET', 'HEAD', 'POST'), async (input, method) => {
      const bytes = Buffer.from(input, 'latin1');
      compare(replay([bytes], { kind: 'response', method }), await nodeClientReads(bytes, method), tally);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(tally.same > 1_000, JSON.stringify(tally));
});

// How Node is asked: as a server and as a client, strict, over an in-memory stream.

type Heard = {
  readonly messages: readonly Message[];
  /** Did the parser give up, or cut the connection? */
  readonly rejected: boolean;
};

/** Messages a Node server reads from `input`. */
async function nodeServerReads(input: Buffer): Promise<Heard> {
  const heard: Recording[] = [];
  let rejected = false;
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: 1 << 20,
    requireHostHeader: false,
  });
  server.maxHeadersCount = 0;
  const onRequest = (message: IncomingMessage) => void heard.push(record(message, 'request'));
  server.on('request', onRequest).on('checkContinue', onRequest).on('checkExpectation', onRequest);
  server.on('clientError', () => {
    rejected = true;
  });
  const wire = new Wire();
  server.emit('connection', wire);
  wire.push(input);
  await settled();
  rejected ||= wire.destroyed;
  const messages = heard.map((each) => each.message());
  wire.destroy();
  return { messages, rejected };
}

/** Interim and final answers a Node client reads from `input`, having asked with `method`. The connection then ends. */
async function nodeClientReads(input: Buffer, method: string): Promise<Heard> {
  const heard: (Recording | Message)[] = [];
  let rejected = false;
  const wire = new Wire();
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => wire;
  const asked = clientRequest({
    method,
    host: 'api.example',
    agent,
    insecureHTTPParser: false,
    maxHeaderSize: 1 << 20,
  });
  asked.maxHeadersCount = 0;
  asked.on('error', () => {
    rejected = true;
  });
  asked.on('information', (info) => {
    const startLine = `${info.statusCode} ${info.statusMessage} ${info.httpVersionMinor}`;
    heard.push({ startLine, fields: pairs(info.rawHeaders), body: '', trailers: [], complete: true });
  });
  asked.on('response', (message) => heard.push(record(message, 'response')));
  asked.on('upgrade', (message) => heard.push(record(message, 'response')));
  asked.end();
  await settled();
  wire.push(input);
  await settled();
  wire.push(null);
  await settled();
  const messages = heard.map((each) => ('message' in each ? each.message() : each));
  wire.destroy();
  return { messages, rejected };
}

type Recording = { message(): Message };

function record(message: IncomingMessage, kind: 'request' | 'response'): Recording {
  const content: string[] = [];
  message.on('data', (bytes: Buffer) => content.push(bytes.toString('latin1')));
  message.on('error', () => {});
  const startLine =
    kind === 'request'
      ? `${message.method} ${message.url} ${message.httpVersionMinor}`
      : `${message.statusCode} ${message.statusMessage} ${message.httpVersionMinor}`;
  return {
    message: () => ({
      startLine,
      fields: pairs(message.rawHeaders),
      body: content.join(''),
      trailers: pairs(message.rawTrailers),
      // A 101's connection leaves the parser, which then never calls the message complete.
      complete: message.complete || message.statusCode === 101,
    }),
  };
}

function pairs(raw: readonly string[]): Fields {
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    raw[index * 2] ?? '',
    raw[index * 2 + 1] ?? '',
  ]);
}

/** Writes vanish; reads are what the test pushes. */
class Wire extends Duplex {
  constructor() {
    super({ allowHalfOpen: true });
    this.on('error', () => {});
  }
  override _read(): void {}
  override _write(_bytes: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

/** Streams hand bytes on in microtasks and ticks: three turns of the loop let every one of them run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resume) => setImmediate(resume));
}
