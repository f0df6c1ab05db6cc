// Remote commands as a kubelet serves them: exec, attach and port-forward over SPDY/3.1, exec and attach over WebSocket
// channels too. What it refuses it refuses with a plain answer, which is what an upgrade must expect.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exchange } from './http-server.ts';
import { values } from './http1.ts';
import { type CommandIo, runCommand } from './pod-shell.ts';
import { createSpdyConnection, drained, type SpdyStream } from './spdy.ts';
import { acceptWebSocket, createFrameReader, encodeFrame, isWebSocketRequest } from './websocket.ts';

type Verb = 'exec' | 'attach' | 'portForward';
const text = 'text/plain; charset=utf-8';
const commandProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const webSocketProtocols = ['v4.channel.k8s.io', 'channel.k8s.io'];
const forwardProtocols = ['portforward.k8s.io'];
/** How long a client may take to open the streams it announced. */
const streamsWithinMs = 10_000;
const lastWordsMs = 1000;

/** Serves one request to `/exec`, `/attach` or `/portForward` of a pod. */
export async function serveRemoteCommand(
  exchange: Exchange,
  verb: Verb,
  pod: string,
  query: URLSearchParams,
): Promise<void> {
  const wants = (name: string) => query.get(name) === '1';
  const streams = ['input', 'output', 'error'].filter(wants);
  if (verb !== 'portForward' && streams.length === 0) {
    return exchange.send(400, text, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  const command = verb === 'attach' ? undefined : query.getAll('command');
  if (verb !== 'portForward' && isWebSocketRequest(exchange)) return overWebSocket(exchange, pod, command);

  const upgrade = exchange.header('upgrade')?.toLowerCase() ?? '';
  if (!upgrade.includes('spdy/3.1')) {
    return exchange.send(400, text, 'unable to upgrade: missing upgrade headers in request');
  }
  const offered = values(exchange.fields, 'x-stream-protocol-version').flatMap((value) =>
    value.split(/\s*,\s*/),
  );
  const supported = verb === 'portForward' ? forwardProtocols : commandProtocols;
  const protocol = offered.find((one) => supported.includes(one));
  if (protocol === undefined) {
    return exchange.send(
      403,
      text,
      `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]`,
      supported.map((one) => ['X-Accepted-Stream-Protocol-Versions', one]),
    );
  }
  if (verb === 'portForward') return forwardPorts(exchange, protocol);
  // As the kubelet: the error stream always, a terminal has no stderr but a size.
  const tty = wants('tty');
  const expected = ['error', ...(wants('input') ? ['stdin'] : []), ...(wants('output') ? ['stdout'] : [])];
  if (wants('error') && !tty) expected.push('stderr');
  if (tty && protocol !== 'v2.channel.k8s.io' && protocol !== 'channel.k8s.io') expected.push('resize');
  await overSpdy(exchange, pod, command, protocol, expected);
}

function acceptSpdy(exchange: Exchange, protocol: string, onStream: (stream: SpdyStream) => void): void {
  const { socket } = exchange;
  const early = exchange.hijack();
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  const connection = createSpdyConnection(socket, onStream);
  const feed = (bytes: Buffer) => {
    try {
      connection.feed(bytes);
    } catch {
      socket.destroy();
    }
  };
  socket.on('close', connection.close);
  socket.on('end', connection.close);
  if (early.length > 0) feed(early);
  socket.on('data', feed);
  socket.resume();
}

async function overSpdy(
  exchange: Exchange,
  pod: string,
  command: readonly string[] | undefined,
  protocol: string,
  expected: readonly string[],
): Promise<void> {
  const streams = new Map<string, SpdyStream>();
  const { promise: complete, resolve } = Promise.withResolvers<boolean>();
  const late = setTimeout(() => resolve(false), streamsWithinMs);
  exchange.gone.addEventListener('abort', () => resolve(false));
  acceptSpdy(exchange, protocol, (stream) => {
    streams.set(stream.headers['streamtype'] ?? '', stream);
    if (expected.every((name) => streams.has(name))) resolve(true);
  });
  const whole = await complete;
  clearTimeout(late);
  if (!whole) {
    exchange.socket.destroy();
    return;
  }
  const write = (name: string) => async (bytes: Buffer | string) => {
    await streams.get(name)?.write(Buffer.from(bytes));
  };
  const outcome = await runIn(pod, command, {
    stdin: streams.get('stdin')?.input ?? nothing(),
    out: write('stdout'),
    err: write(streams.has('stderr') ? 'stderr' : 'stdout'),
    signal: exchange.gone,
  });
  await write('error')(protocol === 'v4.channel.k8s.io' ? JSON.stringify(outcome.status) : outcome.message);
  for (const stream of streams.values()) stream.end();
  // The client ends first when it has read everything; ending before it has said so would break its last words off.
  await delay(lastWordsMs, undefined, { signal: exchange.gone }).catch(() => {});
  exchange.socket.end();
}

async function overWebSocket(
  exchange: Exchange,
  pod: string,
  command: readonly string[] | undefined,
): Promise<void> {
  const { socket } = exchange;
  const offered = values(exchange.fields, 'sec-websocket-protocol').flatMap((value) =>
    value.split(/\s*,\s*/),
  );
  const protocol = offered.find((one) => webSocketProtocols.includes(one));
  const known = protocol !== undefined ? { protocol } : offered.length === 0 ? {} : 'refused';
  const early = acceptWebSocket(exchange, known);
  if (!early) return;
  const { readable, writable } = new TransformStream<Buffer, Buffer>();
  const stdin = writable.getWriter();
  const endInput = () => void stdin.close().catch(() => {});
  const frames = createFrameReader();
  const feed = (bytes: Buffer) => {
    try {
      for (const { opcode, payload } of frames(bytes)) {
        if (opcode === 8) endInput();
        else if (opcode === 9) socket.write(encodeFrame('pong', payload));
        else if (payload[0] === 0) stdin.write(payload.subarray(1)).catch(() => {});
      }
    } catch {
      socket.destroy();
    }
  };
  socket.on('close', endInput);
  socket.on('end', endInput);
  feed(early);
  socket.on('data', feed);
  socket.resume();
  const channel = (number: number) => async (bytes: Buffer | string) => {
    if (!socket.writable) return;
    const frame = encodeFrame('binary', Buffer.concat([Buffer.from([number]), Buffer.from(bytes)]));
    if (!socket.write(frame)) await drained(socket);
  };
  const outcome = await runIn(pod, command, {
    stdin: readable,
    out: channel(1),
    err: channel(2),
    signal: exchange.gone,
  });
  await channel(3)(protocol === 'v4.channel.k8s.io' ? JSON.stringify(outcome.status) : outcome.message);
  if (socket.writable) socket.end(encodeFrame('close', Buffer.from([0x03, 0xe8])));
}

async function* nothing(): AsyncGenerator<Buffer> {}

/** Runs the command, or for attach watches the pod's main process. */
async function runIn(
  pod: string,
  command: readonly string[] | undefined,
  io: CommandIo,
): Promise<{ status: unknown; message: string }> {
  if (!command) {
    for (let number = 1; !io.signal.aborted; number += 1) {
      await io.out(`${pod} served request ${number}\n`);
      await delay(200, undefined, { signal: io.signal }).catch(() => {});
    }
    return { status: { metadata: {}, status: 'Success' }, message: '' };
  }
  const code = await runCommand(pod, command, io);
  if (code === 0) return { status: { metadata: {}, status: 'Success' }, message: '' };
  if (code === undefined) {
    const message = `error executing command in container: exec: "${command[0] ?? ''}": executable file not found in $PATH`;
    const status = { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 };
    return { status, message };
  }
  const message = `command terminated with non-zero exit code: exit status ${code}`;
  const details = { causes: [{ reason: 'ExitCode', message: String(code) }] };
  return {
    status: { metadata: {}, status: 'Failure', message, reason: 'NonZeroExitCode', details },
    message,
  };
}

/** Pairs of streams, one for data and one for an error, each pair for one connection to a port of the pod. */
function forwardPorts(exchange: Exchange, protocol: string): void {
  const errors = new Map<string, SpdyStream>();
  acceptSpdy(exchange, protocol, (stream) => {
    const request = stream.headers['requestid'] ?? '';
    if (stream.headers['streamtype'] === 'error') {
      errors.set(request, stream);
      return;
    }
    const port = Number(stream.headers['port']);
    const target = connect({ host: '127.0.0.1', port });
    const error = errors.get(request);
    target.on('error', (cause) => {
      void error?.write(Buffer.from(`error forwarding port ${port} to pod: ${cause.message}`));
    });
    target.on('data', (chunk: Buffer) => {
      target.pause();
      void stream.write(chunk).then(() => target.resume());
    });
    target.on('close', () => {
      stream.end();
      error?.end();
      errors.delete(request);
    });
    stream.input.pipe(target);
    exchange.gone.addEventListener('abort', () => target.destroy());
  });
}
