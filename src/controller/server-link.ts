// How the controller reaches a kube-apiserver: the files that the inventory names, and bounded reads over TLS.
import { request } from 'node:https';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import type { ApiServer } from '../model/inventory.ts';
import { readText } from '../platform/files.ts';
import type { ReadVersion } from './knowledge.ts';

const timeoutMs = 5_000;
/** `/apis` of a cluster with hundreds of groups is below this. */
const maxBytes = 1024 * 1024;

export type ServerLink = {
  readonly options: ConnectionOptions & { readonly host: string; readonly port: number };
  /** Value of the Host header. */
  readonly host: string;
  readonly token: string | undefined;
};

/** Reads the files anew each time, so that renewed ones count. @throws Failure `unreadable` */
export function linkTo(server: ApiServer): ServerLink {
  const { caFile, serverName, tokenFile, certFile, keyFile } = server.probe;
  return {
    options: {
      host: server.address,
      port: server.port,
      // An address has no place in SNI (RFC 6066 §3); it is verified against the certificate's addresses.
      servername: serverName !== undefined && !isIP(serverName) ? serverName : '',
      ...(caFile === undefined ? {} : { ca: readText(caFile) }),
      ...(certFile === undefined || keyFile === undefined
        ? {}
        : { cert: readText(certFile), key: readText(keyFile) }),
      ALPNProtocols: ['http/1.1'],
    },
    host:
      isIP(server.address) === 6 ? `[${server.address}]:${server.port}` : `${server.address}:${server.port}`,
    token: tokenFile === undefined ? undefined : readText(tokenFile).trim(),
  };
}

/**
 * GETs JSON from the server on a connection of its own; redirects are not followed.
 * @throws Failure `probe-failed` with what went wrong, never with what was sent
 */
export async function getJson(link: ServerLink, path: string, signal: AbortSignal): Promise<unknown> {
  const { status, body } = await get(link, path, timeoutMs, signal);
  if (status !== 200) throw failed(link, path, `status ${status}`);
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw failed(link, path, 'the answer is not JSON', cause);
  }
}

/** The status of a whole answer to a plain GET on a connection of its own; undefined when none came in `ms`. */
export async function plainStatus(
  link: ServerLink,
  path: string,
  ms: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return (await get(link, path, ms, signal)).status;
  } catch {
    return undefined;
  }
}

function failed(link: ServerLink, path: string, why: string, cause?: unknown): Failure {
  const place = `GET https://${link.host}${path}`;
  return new Failure('probe-failed', `${place}: ${why}`, cause === undefined ? {} : { cause });
}

function get(
  link: ServerLink,
  path: string,
  ms: number,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
    const outgoing = request(
      {
        ...link.options,
        path,
        agent: false,
        signal: bounded,
        headers: {
          accept: 'application/json',
          connection: 'close',
          ...(link.token === undefined ? {} : { authorization: `Bearer ${link.token}` }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) outgoing.destroy(new Error(`the answer is larger than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', (cause) => reject(failed(link, path, cause.message, cause)));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      },
    );
    outgoing.on('error', (cause) =>
      reject(
        failed(
          link,
          path,
          bounded.aborted && !signal.aborted ? `no answer in ${ms} ms` : cause.message,
          cause,
        ),
      ),
    );
    outgoing.end();
  });
}

/** Longer lines are passed over. */
const maxLine = 4_096;

type Scan = { readonly path: string; readonly maxBytes: number; readonly timeoutMs: number };

/**
 * GETs text on a connection of its own and hands it over line by line, until `line` says false. True when it was seen to the
 * end, or as far as `line` wanted; false when the server refused, said too much, or took too long.
 */
export function scanLines(
  link: ServerLink,
  { path, maxBytes: most, timeoutMs: ms }: Scan,
  line: (text: string) => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        ...link.options,
        path,
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
        headers: {
          accept: 'text/plain',
          connection: 'close',
          host: link.host,
          ...(link.token === undefined ? {} : { authorization: `Bearer ${link.token}` }),
        },
      },
      (answer) => {
        let size = 0;
        let rest = '';
        const end = (whole: boolean) => {
          resolve(whole);
          outgoing.destroy();
        };
        if (answer.statusCode !== 200) return end(false);
        answer.setEncoding('latin1');
        answer.on('data', (chunk: string) => {
          size += chunk.length;
          if (size > most) return end(false);
          const lines = (rest + chunk).split('\n');
          rest = (lines.pop() ?? '').slice(0, maxLine + 1);
          for (const text of lines) if (text.length <= maxLine && !line(text)) return end(true);
        });
        answer.on('error', () => resolve(false));
        answer.on('end', () => resolve(true));
      },
    );
    outgoing.on('error', () => resolve(false));
    outgoing.end();
  });
}

const Version = z.object({
  gitVersion: z.string(),
  major: z.string().optional(),
  minor: z.string().optional(),
  buildDate: z.iso.datetime().optional().catch(undefined),
});

/** What a server says of its version, as it says it. @throws Failure `probe-failed`, `unreadable` */
export async function readVersion(server: ApiServer, signal: AbortSignal): Promise<ReadVersion> {
  const parsed = Version.safeParse(await getJson(linkTo(server), '/version', signal));
  if (parsed.success) return parsed.data;
  throw new Failure('probe-failed', `the answer to GET /version of ${server.name} has no gitVersion`);
}
