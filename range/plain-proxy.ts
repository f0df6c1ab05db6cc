// How the API server hands an ordinary request on: a request of its own to the backend, the answer streamed back.
import { request } from 'node:https';
import type { Exchange } from './http-server.ts';
import { type Field, without } from './http1.ts';
import type { Backend } from './upgrade-proxy.ts';

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'expect',
]);

/** Resolves with the status when the answer has begun, and goes on streaming. Rejects when the backend can't be had. */
export async function proxyPlain(
  exchange: Exchange,
  backend: Backend,
  target: string,
  given: readonly Field[],
): Promise<{ status: number; done: Promise<void> }> {
  const body = (await exchange.body()) ?? Buffer.alloc(0);
  const headers = without(given, (name) => hopByHop.has(name)).flat();
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: backend.address,
        port: backend.port,
        servername: backend.serverName,
        ca: backend.ca,
        cert: backend.cert,
        key: backend.key,
        method: exchange.method,
        path: target,
        headers: [
          ...headers,
          'Host',
          `${backend.address}:${backend.port}`,
          'Content-Length',
          String(body.length),
        ],
        agent: false,
        signal: exchange.gone,
      },
      (answer) => {
        const status = answer.statusCode ?? 502;
        const { rawHeaders } = answer;
        const fields: Field[] = [];
        for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
          fields.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
        }
        const out = exchange.stream(
          status,
          without(fields, (name) => hopByHop.has(name) || name === 'date'),
        );
        const done = new Promise<void>((finished) => {
          answer.on('data', (chunk: Buffer) => {
            if (!out.write(chunk)) {
              answer.pause();
              out.out.once('drain', () => answer.resume());
            }
          });
          answer.on('end', () => out.end());
          answer.on('error', () => exchange.abort());
          answer.on('close', finished);
        });
        resolve({ status, done });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
