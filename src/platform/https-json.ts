// JSON requests over TLS to the controller, with bounded time and size. The only client of its API.
import { Agent, type RequestOptions, request } from 'node:https';
import type { z } from 'zod';
import { describeFailure, Failure } from '../base/failure.ts';
import { foreignCode } from '../base/failure-codes.ts';
import { Problem } from '../model/api.ts';
import { parseHostPort } from './identity.ts';

/**
 * The name in the controller's certificate. Clients trust only the controller's own CA, which issues this name and the
 * right to be a server to nobody else, so the address by which it is reached need not be in the certificate.
 */
export const controllerServerName = 'portcullis-controller';

/** A plan of 100,000 addresses with their tags is some 15 MB. */
const maxAnswerBytes = 64 * 1024 * 1024;
const connectMs = 5_000;

export type HttpsTarget = {
  readonly controller: string;
  readonly ca: string;
  readonly key?: string;
  readonly certificate?: string;
};

export type JsonCall = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
  /** How long the answer may take, in ms; 10,000 when left out. A long poll adds its wait. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

export type JsonClient = {
  /**
   * The parsed JSON of a 200, undefined for a 204.
   * @throws Failure `controller-unreachable` (no connection, bad certificate, time-out), `controller-answer` (not what
   * the API says), or the code of the controller's Problem. Rejects with the signal's reason when aborted.
   */
  call(call: JsonCall): Promise<unknown>;
  /** Calls from now on come with this pair; those under way end on the connections that they have. */
  use(pair: { readonly key: string; readonly certificate: string }): void;
  close(): void;
};

export function openJsonClient(target: HttpsTarget): JsonClient {
  const { host, port } = parseHostPort(target.controller);
  const agent = new Agent({ keepAlive: true, maxSockets: 8, timeout: connectMs });
  const options: RequestOptions = {
    agent,
    host,
    port,
    ca: [target.ca],
    servername: controllerServerName,
    minVersion: 'TLSv1.3',
    ...(target.key && target.certificate ? { key: target.key, cert: target.certificate } : {}),
  };
  return {
    async call(call) {
      const { status, body } = await send(options, target.controller, call);
      if (status === 204) return undefined;
      const answer = parseJson(body, status);
      if (status === 200) return answer;
      const problem = Problem.safeParse(answer);
      if (!problem.success) throw badAnswer(`status ${status} without a Problem`);
      const { code, message, place, hint, pointer } = problem.data;
      throw new Failure(foreignCode(code), message, {
        ...(place ? { place } : {}),
        ...(hint ? { hint } : {}),
        pointer,
      });
    },
    use({ key, certificate }) {
      // Connections are kept by the pair they were made with; those of the former close when they have been idle.
      options.key = key;
      options.cert = certificate;
    },
    close: () => agent.destroy(),
  };
}

/** The Failure for an answer that isn't what the API says. */
export function badAnswer(why: string): Failure {
  return new Failure('controller-answer', `the controller's answer can't be used: ${why}`, {
    hint: 'is it a Portcullis controller of the same version?',
  });
}

function send(
  base: RequestOptions,
  controller: string,
  call: JsonCall,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    const unreachable = (cause: unknown) =>
      reject(
        call.signal?.aborted
          ? call.signal.reason
          : new Failure(
              'controller-unreachable',
              `the controller at ${controller} can't be reached: ${describeFailure(cause)}`,
              { cause, ...(isOutOfTime(cause) ? { hint: timeHint } : {}) },
            ),
      );
    if (call.signal?.aborted) return reject(call.signal.reason);
    const outgoing = request(
      {
        ...base,
        method: call.method,
        path: call.path,
        headers:
          text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        ...(call.signal ? { signal: call.signal } : {}),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) {
            reject(badAnswer(`it is larger than ${maxAnswerBytes} bytes`));
            outgoing.destroy();
          } else chunks.push(chunk);
        });
        answer.on('error', unreachable);
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    const timer = setTimeout(() => {
      outgoing.destroy(new Error('no answer in time'));
    }, call.timeoutMs ?? 10_000);
    outgoing.on('error', unreachable);
    outgoing.on('close', () => clearTimeout(timer));
    // The agent's time-out covers connecting; a connected socket waits as long as the call may take.
    outgoing.on('timeout', () => {
      if (outgoing.socket?.connecting) outgoing.destroy(new Error('no connection in time'));
    });
    outgoing.end(text);
  });
}

const timeHint =
  'compare the clocks of both hosts; a controller renews its server certificate by itself, but not its authority (docs/operating.md)';

function isOutOfTime(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID';
}

function parseJson(body: string, status: number): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw badAnswer(`status ${status} without JSON`);
  }
}

/** @throws Failure as `badAnswer` makes it, with the first place that is wrong */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw badAnswer(`${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'malformed'}`);
}
