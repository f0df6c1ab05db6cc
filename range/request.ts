// Raw requests over TLS from a host: bytes as given, and what came back, untouched. For tests of what a server or a gate
// answers to whom.

import { setTimeout as delay } from 'node:timers/promises';
import { readText } from '../src/platform/files.ts';
import { dial, until } from './patience.ts';

export type RawRequest = {
  readonly server: string;
  readonly port: number;
  /** Each sent as a packet of its own, 20 ms apart. */
  readonly packets: readonly string[];
  /** End our side after the last packet. */
  readonly halfClose?: boolean;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Milliseconds without bytes after which the answer counts as whole; 150. */
  readonly quietMs?: number;
  /** What makes the answer whole when it has come, in place of silence. */
  readonly until?: string;
  /** Milliseconds to connect, and for the whole answer; 20,000. */
  readonly timeoutMs?: number;
};

export type RawAnswer = {
  readonly connected: boolean;
  /** Everything received, as latin1. */
  readonly received: string;
  /** Status of the first answer; 0 when there was none. */
  readonly status: number;
  /** Did the other side end the connection? */
  readonly closed: boolean;
  readonly error: string;
  readonly ms: number;
};

/** Sends them one after the other, each on a connection of its own. */
export async function runRequests(requests: readonly RawRequest[]): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  for (const request of requests) answers.push(await send(request));
  return answers;
}

async function send(request: RawRequest): Promise<RawAnswer> {
  const began = performance.now();
  const timeoutMs = request.timeoutMs ?? 20_000;
  let received = '';
  let heard = 0;
  let closed = false;
  let error = '';
  const socket = await dial(
    {
      host: request.server,
      port: request.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(request.certFile ? { cert: readText(request.certFile) } : {}),
      ...(request.keyFile ? { key: readText(request.keyFile) } : {}),
    },
    timeoutMs,
  ).catch((cause: NodeJS.ErrnoException) => {
    error = cause.code ?? cause.message;
    return undefined;
  });
  if (socket) {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      heard = performance.now();
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message;
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        closed = true;
      });
    }
    for (const [index, packet] of request.packets.entries()) {
      if (index > 0) await delay(20);
      if (socket.writable) socket.write(packet, 'latin1');
    }
    if (request.halfClose) socket.end();
    const { until: last, quietMs = 150 } = request;
    const whole = () =>
      last === undefined ? heard > 0 && performance.now() >= heard + quietMs : received.includes(last);
    await until(() => closed || whole(), timeoutMs);
    socket.destroy();
  }
  return {
    connected: socket !== undefined,
    received,
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0),
    closed,
    error,
    ms: Math.round(performance.now() - began),
  };
}
