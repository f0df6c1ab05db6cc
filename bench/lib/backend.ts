// Benchmark backend: a minimal TLS server, HTTP/1.1 keep-alive, that answers every request head with a fixed body:
// 2.7 KB, or 2.5 MB for a path that begins with /bulk. Prints {"port"} and ends with its standard input.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const [folder = ''] = process.argv.slice(2);
const small = answer(2_700);
const bulk = answer(2_500_000);
const server = createServer(
  {
    cert: readFileSync(`${folder}/apiserver.crt`),
    key: readFileSync(`${folder}/apiserver.key`),
    ca: readFileSync(`${folder}/ca.crt`),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    noDelay: true,
  },
  (socket) => {
    let held = '';
    socket.on('data', (chunk) => {
      held += chunk.toString('latin1');
      for (;;) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) break;
        const head = held.slice(0, end);
        held = held.slice(end + 4);
        // Proof that the comparison is fair: both proxies must carry the caller's identity.
        if (!/\r\nX-Remote-User: bench-user/i.test(head)) {
          socket.end('HTTP/1.1 500 No-Identity\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        socket.write(head.startsWith('GET /bulk') ? bulk : small);
      }
    });
    socket.on('error', () => {});
  },
);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.resume().on('end', () => process.exit());

function answer(length: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nAudit-Id: 7d1f3a52-5e3c-4b7e-9a55-0f2f6f8f3a11\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: ${length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 'x')]);
}
