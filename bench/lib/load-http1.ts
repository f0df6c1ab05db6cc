// HTTP/1.1 keep-alive: one request in flight on each connection.
import type { TLSSocket } from 'node:tls';
import { type Load, requestFields } from './load.ts';

export async function driveHttp1(load: Load): Promise<void> {
  const { config, fail } = load;
  const fields = requestFields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const request = Buffer.from(`GET ${config.path} HTTP/1.1\r\nHost: kubernetes:6443\r\n${fields}\r\n`);
  const free: ((due: number) => void)[] = [];
  const sockets = await Promise.all(Array.from({ length: config.connections }, () => load.open()));
  for (const socket of sockets) drive(socket);
  if (config.rate !== undefined) pace(config.rate);

  function drive(socket: TLSSocket): void {
    let left = -1; // body bytes to come; -1: in the head
    let head = '';
    let started = 0;
    let size = 0;
    const send = (due: number) => {
      started = due;
      size = 0;
      socket.write(request);
    };
    const next = () => {
      if (load.over) return;
      if (config.rate === undefined) send(performance.now());
      else free.push(send);
    };
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (left < 0) {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        const length = /\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1];
        if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) fail(`answer: ${head.slice(0, 300)}`);
        left = Number(length) - (head.length - end - 4);
        head = '';
      } else {
        left -= chunk.length;
      }
      if (left > 0) return;
      left = -1;
      load.done(started, size);
      next();
    });
    socket.on('close', () => fail('the connection was closed'));
    next();
  }

  /** A request that finds no free connection waits for one; its latency counts from when it was due. */
  function pace(rate: number): void {
    const began = performance.now();
    let sent = 0;
    const turn = () => {
      if (load.over) return;
      const now = performance.now();
      for (;;) {
        const due = began + (sent * 1000) / rate;
        if (due > now) break;
        const send = free.shift();
        if (!send) break;
        sent += 1;
        send(due);
      }
      setImmediate(turn);
    };
    turn();
  }
}
