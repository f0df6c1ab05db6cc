// GET requests to an API server with the credentials of a kubeconfig.
import { request } from 'node:https';
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import type { Kubeconfig } from './kubeconfig.ts';

const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 10_000;

/** @throws Failure `server-unreachable`: something else than a Kubernetes API server answers there */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, config: Kubeconfig, place: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') || 'the answer';
  throw new Failure(
    'server-unreachable',
    `${config.server.url} does not answer as a Kubernetes API server does: ${field} is not what it must be`,
    { place, hint: 'is it the address of the API server?' },
  );
}

/** @throws Failure `server-unreachable`, or `server-refused` with the status */
export function getJson(config: Kubeconfig, place: string, path: string): Promise<unknown> {
  const { host, port, serverName } = config.server;
  const { token, certificate, key } = config.credentials;
  const unreachable = (cause: unknown) =>
    new Failure(
      'server-unreachable',
      `the API server ${config.server.url} can't be reached: ${cause instanceof Error ? cause.message : cause}`,
      {
        place,
        hint: 'is the address right, and does certificate-authority-data match its certificate?',
        cause,
      },
    );
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host,
        port,
        path,
        servername: /^[0-9.]+$|:/.test(serverName) ? '' : serverName,
        ...(config.ca ? { ca: config.ca } : {}),
        ...(certificate && key ? { cert: certificate, key } : {}),
        headers: { accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) call.destroy(new Error(`its answer is larger than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', (cause) => reject(unreachable(cause)));
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          if (answer.statusCode === 200) {
            try {
              resolve(JSON.parse(body));
            } catch (cause) {
              reject(unreachable(cause));
            }
            return;
          }
          reject(
            new Failure('server-refused', `the API server answered ${answer.statusCode} to GET ${path}`, {
              place,
              hint: 'the kubeconfig must be allowed to list nodes',
            }),
          );
        });
      },
    );
    call.on('error', (cause) => reject(unreachable(cause)));
    call.end();
  });
}
