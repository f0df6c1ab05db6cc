// A program that runs on a host of the range and asks a server over HTTPS, on kept connections, as client libraries do.
// `client.ts CONFIG.json` prints one JSON answer per request, in order of the requests.
import { createHash } from 'node:crypto';
import { Agent, type RequestOptions, request } from 'node:https';
import { createGunzip } from 'node:zlib';
import { readText } from '../../src/platform/files.ts';

export type ClientConfig = {
  readonly server: string;
  readonly port: number;
  readonly caFile: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly token?: string;
  /** Requests at the same time, each on a kept connection of its own. */
  readonly atOnce: number;
  readonly requests: readonly ClientRequest[];
};

export type ClientRequest = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** `body` and the answer's `text` are base64. */
  readonly binary?: boolean;
  /** Send the body without a length, in pieces. */
  readonly chunked?: boolean;
  /** End the request after this many lines of the body. */
  readonly lines?: number;
  /** How much of the body to return, bytes; 2,000. */
  readonly keep?: number;
  /** Milliseconds; 30,000. */
  readonly timeoutMs?: number;
};

export type ClientAnswer = {
  /** 0 when there was none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Of the body as it came over the wire. */
  readonly wireBytes: number;
  /** Of the body, decompressed. */
  readonly bytes: number;
  readonly sha256: string;
  readonly lines: number;
  readonly text: string;
  readonly error: string;
  readonly ms: number;
};

function ask(
  config: ClientConfig,
  tls: RequestOptions,
  agent: Agent,
  one: ClientRequest,
): Promise<ClientAnswer> {
  const began = performance.now();
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let status = 0;
  let headers: ClientAnswer['headers'] = {};
  let wireBytes = 0;
  let bytes = 0;
  let lines = 0;
  let keptBytes = 0;
  let done = false;
  const sent = one.body === undefined ? undefined : Buffer.from(one.body, one.binary ? 'base64' : 'utf8');
  return new Promise((resolve) => {
    const settle = (error: string) => {
      if (done) return;
      done = true;
      const text = Buffer.concat(kept)
        .subarray(0, one.keep ?? 2000)
        .toString(one.binary ? 'base64' : 'utf8');
      const ms = Math.round(performance.now() - began);
      resolve({
        status,
        headers,
        wireBytes,
        bytes,
        sha256: hash.digest('hex'),
        lines,
        text,
        error,
        ms,
      });
    };
    const outgoing = request(
      {
        host: config.server,
        port: config.port,
        method: one.method ?? 'GET',
        path: one.path,
        agent,
        ...tls,
        headers: {
          ...(config.token ? { Authorization: `Bearer ${config.token}` } : {}),
          ...(sent === undefined || one.chunked ? {} : { 'Content-Length': sent.length }),
          ...(one.headers as Record<string, string>),
        },
      },
      (answer) => {
        status = answer.statusCode ?? 0;
        headers = answer.headers;
        answer.on('data', (chunk: Buffer) => {
          wireBytes += chunk.length;
        });
        const body = answer.headers['content-encoding'] === 'gzip' ? answer.pipe(createGunzip()) : answer;
        body.on('data', (chunk: Buffer) => {
          if (done) return;
          hash.update(chunk);
          bytes += chunk.length;
          for (const byte of chunk) if (byte === 10) lines += 1;
          if (keptBytes < (one.keep ?? 2000)) kept.push(chunk);
          keptBytes += chunk.length;
          if (one.lines !== undefined && lines >= one.lines) {
            settle('');
            outgoing.destroy();
          }
        });
        body.on('end', () => settle(''));
        body.on('error', (error: Error) => settle(error.message));
        answer.on('aborted', () => settle('aborted'));
      },
    );
    outgoing.setTimeout(one.timeoutMs ?? 30_000, () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    if (sent && one.chunked) {
      for (let at = 0; at < sent.length; at += 1000) outgoing.write(sent.subarray(at, at + 1000));
      outgoing.end();
    } else outgoing.end(sent);
  });
}

const config = JSON.parse(readText(process.argv[2] ?? '')) as ClientConfig;
const tls: RequestOptions = {
  ca: readText(config.caFile),
  ...(config.certFile && config.keyFile
    ? { cert: readText(config.certFile), key: readText(config.keyFile) }
    : {}),
};
const agent = new Agent({ keepAlive: true, maxSockets: config.atOnce });
const answers: ClientAnswer[] = [];
let next = 0;
await Promise.all(
  Array.from({ length: config.atOnce }, async () => {
    for (let index = next++; index < config.requests.length; index = next++) {
      const one = config.requests[index];
      if (one) answers[index] = await ask(config, tls, agent, one);
    }
  }),
);
agent.destroy();
for (const answer of answers) process.stdout.write(`${JSON.stringify(answer)}\n`);
