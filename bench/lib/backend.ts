// What stands behind the proxies for connections that stay: HTTP/1.1 over TLS, a watch that says one thing and is silent
// from then on (`?watch`), and any upgrade, whose bytes it sends back. Prints {"port"} and ends with its standard input.
//   backend.ts FOLDER
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const [folder = ''] = process.argv.slice(2);
const event = '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"}}}\n';
const watch = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${event.length.toString(16)}\r\n${event}\r\n`;
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
    let head = '';
    socket.on('error', () => {});
    socket.on('data', function read(chunk: Buffer) {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      // Proof that the comparison is fair: every proxy must carry the caller's identity.
      if (!/\r\nX-Remote-User: bench-user\r/i.test(head)) {
        socket.end('HTTP/1.1 500 No-Identity\r\nContent-Length: 0\r\n\r\n');
      } else if (/\r\nUpgrade:/i.test(head)) {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
        socket.pipe(socket);
      } else {
        socket.write(watch);
        socket.resume();
      }
    });
  },
);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.resume().on('end', () => process.exit());
