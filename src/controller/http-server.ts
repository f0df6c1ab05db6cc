// HTTPS for the API: who is calling, bodies within bounds, answers and Problems. What is answered is in routes.ts.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { Failure } from '../base/failure.ts';
import type { FailureCode } from '../base/failure-codes.ts';
import { type Problem, Role } from '../model/api.ts';
import type { Endpoint } from '../model/common.ts';
import type { KeyPair } from '../platform/pki.ts';
import { refused } from './identities.ts';
import { requireRole } from './roles.ts';

export type Caller = {
  readonly role: Role;
  readonly name: string;
  /** Sha-256 of the certificate, hex. */
  readonly certificate: string;
};
export type Call = {
  /** Undefined: no client certificate. */
  readonly caller: Caller | undefined;
  readonly query: URLSearchParams;
  /** Parsed JSON of a POST or PUT, still to be checked against a schema. */
  readonly body: unknown;
  /** Address of the peer. */
  readonly from: string;
  /** Aborted when the peer goes away or the controller stops. */
  readonly signal: AbortSignal;
};
/** 200 with a value or ready JSON text, or 204. */
export type Answer = { readonly json: unknown } | { readonly text: string } | undefined;
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Who may call; left out: admins alone. `anyone` needs no certificate. */
  readonly roles?: readonly Role[] | 'anyone';
  /** Largest body, in bytes. */
  readonly maxBody?: number;
  handle(call: Call): Answer | Promise<Answer>;
};

/** HTTP status by Failure code; any other Failure is a refusal of what was asked: 422. */
const statuses: Readonly<Partial<Record<FailureCode, number>>> = {
  'bad-request': 400,
  'no-client-certificate': 401,
  'bad-client-certificate': 401,
  'wrong-role': 403,
  'not-your-name': 403,
  'token-refused': 403,
  'renewal-refused': 403,
  'unknown-path': 404,
  'unknown-server': 404,
  'unknown-shield': 404,
  'unknown-cluster': 404,
  'unknown-id': 404,
  'no-inventory': 404,
  'unknown-draft': 404,
  'unknown-generation': 404,
  'unknown-key': 404,
  'bundle-rollback': 409,
  'bundle-too-large': 413,
  'approval-required': 403,
  'own-approval': 403,
  'draft-outdated': 409,
  unconfirmed: 409,
  'body-too-large': 413,
  'too-many-attempts': 429,
  overloaded: 503,
};

export type HttpServer = {
  readonly endpoint: Endpoint;
  /** Answers from these routes from now on; before, every call is `overloaded`. `admit` throws for whom it doesn't know. */
  serve(
    routes: readonly Route[],
    admit: (caller: Caller) => void,
    denied: (caller: Caller, route: Route) => void,
  ): void;
  /** New connections get this key and chain; those that are open go on. */
  use(identity: KeyPair): void;
  close(): Promise<void>;
};

/**
 * Listens with TLS 1.3, asking for (not demanding) a client certificate of our own authority.
 * @param note takes a line about a defect, for the service's own log
 * @throws Failure `listen` when the address can't be had
 */
export async function openHttpServer(
  identity: KeyPair,
  ca: string,
  listen: { readonly address: string; readonly port: number },
  note: (line: string) => void,
): Promise<HttpServer> {
  let table: readonly Route[] = [];
  let denied: (caller: Caller, route: Route) => void = () => {};
  let admitted: ((caller: Caller) => void) | undefined;
  const stop = new AbortController();
  const context = ({ key, certificate }: KeyPair): SecureContextOptions => ({
    key,
    cert: certificate,
    ca: [ca],
    minVersion: 'TLSv1.3',
  });
  const server = createServer(
    {
      ...context(identity),
      requestCert: true,
      // Enrolment comes without a certificate; every other route checks who is calling.
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: 10_000,
      maxHeaderSize: 16_384,
      // How often the time-outs below are looked at.
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = 4_096;
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  // Above the workers' reporting interval, so that their connections are not closed just as they are used.
  server.keepAliveTimeout = 75_000;
  server.on('tlsClientError', () => {}); // a failed handshake is the caller's affair
  await listening(server, listen);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : listen.port;

  return {
    endpoint: { address: listen.address, port },
    serve(routes, admit, onDenied) {
      table = routes;
      denied = onDenied;
      admitted = admit;
    },
    use: (next) => server.setSecureContext(context(next)),
    async close() {
      stop.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      // Long polls answer at once when aborted; what is left after that is idle or stuck.
      setImmediate(() => server.closeIdleConnections());
      const force = setTimeout(() => server.closeAllConnections(), 500);
      await closed;
      clearTimeout(force);
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const call = await dispatch(request, AbortSignal.any([gone.signal, stop.signal]));
      if (call === undefined) response.writeHead(204).end();
      else send(response, 200, 'text' in call ? call.text : JSON.stringify(call.json));
    } catch (error) {
      if (response.destroyed) return;
      // What is left of a refused body isn't worth reading.
      if (!request.complete) response.setHeader('connection', 'close');
      refuse(request, response, error);
    }
  }

  async function dispatch(request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    if (!admitted) throw new Failure('overloaded', 'the controller is starting', { hint: 'try again' });
    const url = urlOf(request.url ?? '/');
    const route = table.find((item) => item.method === request.method && item.path === url.pathname);
    if (!route) throw new Failure('unknown-path', 'there is nothing here by that method and path');
    const caller = route.roles === 'anyone' ? undefined : authenticate(request.socket as TLSSocket, admitted);
    if (caller) requireRole(caller, route, denied);
    const body = route.method === 'GET' ? undefined : await readBody(request, route.maxBody ?? 65_536);
    const from = request.socket.remoteAddress ?? '';
    return route.handle({ caller, query: url.searchParams, body, from, signal });
  }

  function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof Failure) {
      const problem: Problem = {
        code: error.code,
        message: error.message,
        ...(error.place === undefined ? {} : { place: error.place }),
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(error.pointer === undefined ? {} : { pointer: error.pointer }),
      };
      send(response, statuses[error.code] ?? 422, JSON.stringify(problem));
      return;
    }
    note(
      `defect in ${request.method} ${request.url?.split('?')[0]}: ${error instanceof Error ? error.stack : error}`,
    );
    const problem: Problem = { code: 'internal', message: 'the controller failed; its own log says why' };
    send(response, 500, JSON.stringify(problem));
  }
}

/** Only paths are asked for: `//host/path` would be read as another server's. @throws Failure `unknown-path` */
function urlOf(target: string): URL {
  const url = target.startsWith('/') ? URL.parse(`https://controller${target}`) : null;
  if (!url) throw new Failure('unknown-path', 'there is nothing here by that method and path');
  return url;
}

function send(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    .end(text);
}

const subjects = new RegExp(`^O=portcullis:(${Role.options.join('|')})\nCN=([^\n]{1,128})$`);

/** @throws Failure `no-client-certificate`, `bad-client-certificate` */
function authenticate(socket: TLSSocket, admit: (caller: Caller) => void): Caller {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) {
    throw new Failure('no-client-certificate', 'a client certificate of this controller is needed', {
      hint: 'enrol first',
    });
  }
  const subject = subjects.exec(certificate.subject);
  const caller = subject && {
    role: subject[1] as Role,
    name: subject[2] ?? '',
    certificate: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
  if (!socket.authorized || !caller) {
    const expired = String(socket.authorizationError) === 'CERT_HAS_EXPIRED';
    throw refused(expired ? `ended at ${certificate.validTo}` : 'is not one of this controller');
  }
  admit(caller);
  return caller;
}

/** @throws Failure `body-too-large`, `bad-request` */
function readBody(request: IncomingMessage, limit: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const tooLarge = () => reject(new Failure('body-too-large', `the body is larger than ${limit} bytes`));
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
      return reject(new Failure('bad-request', 'the body must be application/json'));
    if (Number(request.headers['content-length'] ?? 0) > limit) return tooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.pause();
        tooLarge();
      } else chunks.push(chunk);
    });
    request.on('error', () => reject(new Failure('bad-request', 'the body broke off')));
    request.on('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
      } catch {
        reject(new Failure('bad-request', 'the body is not JSON'));
      }
    });
  });
}

function listening(server: Server, { address, port }: { address: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'something else listens there'
          : cause.code === 'EADDRNOTAVAIL'
            ? 'this host has no such address'
            : cause.message;
      reject(new Failure('listen', `can't listen on ${address} port ${port}: ${why}`, { cause }));
    });
    server.listen({ host: address, port }, resolve);
  });
}
