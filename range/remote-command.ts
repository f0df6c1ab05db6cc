// Remote commands as a kubelet serves them: exec, attach and port-forward over SPDY/3.1 and over WebSocket channels. What
// it refuses it refuses with a plain answer, which is what an upgrade must expect.
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptChannels, forwardChannels } from './channels.ts';
import type { Exchange } from './http-server.ts';
import { values } from './http1.ts';
import { type CommandIo, runCommand, type TerminalSize } from './pod-shell.ts';
import { createSpdyConnection, type SpdyStream } from './spdy.ts';
import { isWebSocketRequest } from './websocket.ts';

type Verb = 'exec' | 'attach' | 'portForward';
const text = 'text/plain; charset=utf-8';
const commandProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const webSocketProtocols = ['v4.channel.k8s.io', 'channel.k8s.io'];
/** From v1.29 on. A channel's end can be told apart from the connection's. */
const closingProtocol = 'v5.channel.k8s.io';
const forwardProtocols = ['portforward.k8s.io'];
/** How long a client may take to open the streams it announced. */
const streamsWithinMs = 10_000;
const lastWordsMs = 1000;

/**
 * Serves one request to `/exec`, `/attach` or `/portForward` of a pod.
 * @param options.closing knows v5.channel.k8s.io
 */
export async function serveRemoteCommand(
  exchange: Exchange,
  verb: Verb,
  pod: string,
  query: URLSearchParams,
  { closing = false }: { readonly closing?: boolean } = {},
): Promise<void> {
  const wants = (name: string) => query.get(name) === '1';
  const streams = ['input', 'output', 'error'].filter(wants);
  if (verb !== 'portForward' && streams.length === 0) {
    return exchange.send(400, text, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  const command = verb === 'attach' ? undefined : query.getAll('command');
  if (isWebSocketRequest(exchange)) {
    const known = closing ? [closingProtocol, ...webSocketProtocols] : webSocketProtocols;
    if (verb === 'portForward') return forwardChannels(exchange, query.getAll('port').map(Number), known);
    return overWebSocket(exchange, pod, command, known);
  }

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
  const terminal = createTerminal();
  streams.get('resize')?.input.on('data', terminal.resize);
  const outcome = await runIn(pod, command, {
    stdin: streams.get('stdin')?.input ?? nothing(),
    out: write('stdout'),
    err: write(streams.has('stderr') ? 'stderr' : 'stdout'),
    size: terminal.size,
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
  known: readonly string[],
): Promise<void> {
  const stdin = new PassThrough();
  const terminal = createTerminal();
  const channels = acceptChannels(exchange, known, {
    0: (bytes) => stdin.write(bytes),
    4: terminal.resize,
    // v5: the channel named by the byte has ended.
    255: ([number]) => number === 0 && stdin.end(),
    end: () => stdin.end(),
  });
  if (!channels) return;
  const { protocol, send } = channels;
  const outcome = await runIn(pod, command, {
    stdin,
    out: (bytes) => send(1, bytes),
    err: (bytes) => send(2, bytes),
    size: terminal.size,
    signal: exchange.gone,
  });
  const structured = protocol === 'v4.channel.k8s.io' || protocol === closingProtocol;
  await send(3, structured ? JSON.stringify(outcome.status) : outcome.message);
  channels.end();
}

/** Sizes as clients send them: JSON documents, one after the other. */
function createTerminal(): { resize(bytes: Buffer): void; size(): Promise<TerminalSize> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let size: TerminalSize = { rows: 0, columns: 0 };
  return {
    resize(bytes) {
      const last = bytes
        .toString()
        .match(/\{[^}]*\}/g)
        ?.at(-1);
      if (!last) return;
      const lower = last.toLowerCase(); // Go's encoding begins the names with capitals
      const { width, height } = JSON.parse(lower) as { width: number; height: number };
      size = { rows: height, columns: width };
      resolve();
    },
    size: () => promise.then(() => size),
  };
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
