// A tiny HTTP endpoint on loopback: /metrics (Prometheus text), /healthz (this process answers) and /readyz (callers can be
// served). Not in the data path.
import { createServer } from 'node:http';
import { Failure } from '../base/failure.ts';

export type MetricsSource = {
  /** In the text format of Prometheus. */
  readonly text: () => Promise<string>;
  /** Undefined when well, else what is wrong. */
  readonly trouble: () => string | undefined;
};

/** Listens on 127.0.0.1; closes with the signal. @throws Failure `port-in-use` */
export function serveMetrics(port: number, source: MetricsSource, signal: AbortSignal): Promise<void> {
  const server = createServer((request, response) => {
    const plain = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };
    if (request.method !== 'GET') {
      response.writeHead(405).end();
    } else if (request.url === '/metrics') {
      void source.text().then(
        (text) => response.writeHead(200, plain).end(text),
        () => response.writeHead(500).end(),
      );
    } else if (request.url === '/healthz') {
      response.writeHead(200, plain).end('ok\n');
    } else if (request.url === '/readyz') {
      const trouble = source.trouble();
      response.writeHead(trouble === undefined ? 200 : 503, plain).end(`${trouble ?? 'ok'}\n`);
    } else {
      response.writeHead(404).end();
    }
  });
  server.maxConnections = 16;
  server.requestTimeout = 5_000;
  server.unref();
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(
        new Failure('port-in-use', `can't serve metrics: ${cause.message}`, {
          place: `127.0.0.1:${port}`,
          cause,
        }),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
