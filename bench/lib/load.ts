// Benchmark load generator: raw TLS keep-alive connections to one loopback port, one request in flight on each, a fixed
// number of requests in all. Prints {"requests", "seconds", "bytes", "p50", "p99"} (latencies in milliseconds).
//   load.ts PORT PKI-FOLDER CONNECTIONS REQUESTS PATH
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';

const [port = '', folder = '', connections = '', requests = '', path = ''] = process.argv.slice(2);
const deadline = setTimeout(() => fail('not done within 120 s'), 120_000);
const request = Buffer.from(
  `GET ${path} HTTP/1.1\r\nHost: kubernetes:6443\r\nUser-Agent: kubectl/v1.28.4 (linux/amd64) kubernetes/bae2c62\r\nAccept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\nAccept-Encoding: gzip\r\nKubectl-Command: kubectl get\r\nKubectl-Session: 4a3f0f9b-7a52-4d2c-8d5c-0a3a6f5d2e11\r\n\r\n`,
);
const total = Number(requests);
let sent = 0;
let done = 0;
let bytes = 0;
const latencies = new Float64Array(total);
const sockets = await Promise.all(Array.from({ length: Number(connections) }, open));
const began = performance.now();
await Promise.all(sockets.map(drive));
const seconds = (performance.now() - began) / 1000;
latencies.sort();
const at = (share: number) => latencies[Math.floor((total - 1) * share)] ?? 0;
process.stdout.write(`${JSON.stringify({ requests: done, seconds, bytes, p50: at(0.5), p99: at(0.99) })}\n`);
clearTimeout(deadline);
for (const socket of sockets) socket.destroy();

function open(): Promise<TLSSocket> {
  return new Promise((resolve) => {
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      servername: 'kubernetes',
      ca: readFileSync(`${folder}/ca.crt`),
      cert: readFileSync(`${folder}/user.crt`),
      key: readFileSync(`${folder}/user.key`),
      ALPNProtocols: ['http/1.1'],
    });
    socket.setNoDelay(true);
    socket.on('error', (error) => fail(error.message));
    socket.once('secureConnect', () => resolve(socket));
  });
}

function drive(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    let left = -1; // body bytes to come; -1: in the head
    let head = '';
    let started = 0;
    const next = () => {
      if (sent >= total) return resolve();
      sent += 1;
      started = performance.now();
      socket.write(request);
    };
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
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
      latencies[done] = performance.now() - started;
      done += 1;
      next();
    });
    socket.on('close', () => {
      if (done < total) fail('the connection was closed');
    });
    next();
  });
}

function fail(why: string): never {
  process.stderr.write(`load: ${why}\n`);
  process.exit(1);
}
