// Real parts for the gate's tests: keys as kubeadm lays them out, a scripted TLS server as upstream, a raw TLS caller, a
// controller's link that keeps what it is sent.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { Failure } from '../base/failure.ts';
import type { HealthReport } from '../model/api.ts';
import { limitTable } from '../model/limits.ts';
import type { GateListener, GatePlan, Plan, Receipt } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { createAuthority, issue, type KeyPair } from '../platform/pki.ts';
import { kubeadmFiles } from './identity-files.ts';
import { type GateOptions, runGate } from './run.ts';

export type Keys = {
  readonly folder: string;
  readonly authority: KeyPair;
  readonly serving: KeyPair;
  readonly user: KeyPair;
  write(name: string, text: string): void;
};

/** A folder as /etc/kubernetes/pki, and a developer's certificate. */
export async function makeKeys(): Promise<Keys> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-gate-'));
  const authority = await createAuthority('kubernetes', 1);
  const names = ['kubernetes', 'localhost', '127.0.0.1'];
  const serving = await issue(authority, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names,
    days: 1,
  });
  const frontProxy = await issue(authority, {
    subject: { commonName: 'front-proxy-client' },
    use: ['client'],
    days: 1,
  });
  const user = await issue(authority, {
    subject: { commonName: 'developer', organizations: ['dev', 'lab users'] },
    use: ['client'],
    days: 1,
  });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write('ca.crt', authority.certificate);
  write('apiserver.crt', serving.certificate);
  write('apiserver.key', serving.key);
  write('front-proxy-client.crt', frontProxy.certificate);
  write('front-proxy-client.key', frontProxy.key);
  return { folder, authority, serving, user, write };
}

/** One upstream connection as the scripted server sees it. */
export type Seen = {
  readonly socket: TLSSocket;
  /** CN of the client certificate that the gate presented. */
  readonly certificate: string | undefined;
  /** Everything received so far, one byte a character. */
  text(): string;
  received(): number;
};
export type ScriptedServer = {
  readonly port: number;
  readonly connections: Seen[];
  readonly server: Server;
  close(): Promise<void>;
};

/** A TLS server that calls `script` for every connection and every chunk, but the gate's own question, answered `health`. */
export async function startServer(
  keys: Keys,
  script: (seen: Seen, chunk: Buffer) => void,
  keep = true,
  health = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
): Promise<ScriptedServer> {
  const connections: Seen[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(
    {
      cert: keys.serving.certificate,
      key: keys.serving.key,
      ca: keys.authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
      allowHalfOpen: true,
    },
    (socket) => {
      let text = '';
      let received = 0;
      const peer = socket.getPeerCertificate();
      const seen: Seen = {
        socket,
        certificate: peer.raw ? String(peer.subject.CN) : undefined,
        text: () => text,
        received: () => received,
      };
      connections.push(seen);
      sockets.add(socket);
      socket.on('data', (chunk: Buffer) => {
        if (received === 0 && chunk.includes(': portcullis:health\r\n')) {
          socket.end(health);
          return;
        }
        if (keep) text += chunk.toString('latin1');
        received += chunk.length;
        script(seen, chunk);
      });
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    },
  );
  // Those whose handshake never ended count too.
  server.on('connection', (raw) => sockets.add(raw));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Answers every complete request head without a body with 200 and `ok`. */
export function answerOk(seen: Seen): void {
  const text = seen.text();
  const asked = text.split('\r\n\r\n').length - 1;
  const before = answered.get(seen) ?? 0;
  for (let count = before; count < asked; count += 1) {
    seen.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  }
  answered.set(seen, asked);
}
const answered = new WeakMap<Seen, number>();

export type RawCaller = {
  readonly socket: TLSSocket;
  text(): string;
  /** Resolves with everything received once it holds `part`; rejects when the connection ends before. */
  until(part: string | RegExp): Promise<string>;
  /** The same, once that many bytes are there. */
  untilLength(bytes: number): Promise<string>;
  /** Resolves when the connection has ended or was reset. */
  ended(): Promise<string>;
  send(text: string): void;
};

type CallOptions = ConnectionOptions & { allowHalfOpen?: boolean; localAddress?: string };

/** A caller of the gate; `as` is its client certificate. */
export async function call(
  keys: Keys,
  port: number,
  as?: KeyPair,
  more: CallOptions = {},
): Promise<RawCaller> {
  const options: CallOptions = {
    port,
    host: '127.0.0.1',
    servername: 'kubernetes',
    ca: keys.authority.certificate,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(as ? { cert: as.certificate, key: as.key } : {}),
    ...more,
  };
  const socket = connect(options);
  const parts: string[] = [];
  let received = 0;
  const watchers = new Set<() => void>();
  let over = false;
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk.toString('latin1'));
    received += chunk.length;
    notify();
  });
  socket.on('end', () => {
    over = true;
    notify();
  });
  socket.on('close', () => {
    over = true;
    notify();
  });
  socket.on('error', () => {});
  const text = () => parts.join('');
  const wait = (ready: () => boolean, orEnd: boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (ready()) resolve(text());
        else if (over && orEnd) reject(new Error(`the connection ended after: ${text().slice(0, 600)}`));
        else return;
        watchers.delete(look);
      };
      watchers.add(look);
      look();
    });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    text,
    until: (part) => wait(() => (typeof part === 'string' ? text().includes(part) : part.test(text())), true),
    untilLength: (bytes) => wait(() => received >= bytes, true),
    ended: () => wait(() => over, false),
    send: (request) => void socket.write(Buffer.from(request, 'latin1')),
  };
}

/** A link to a controller that is in this process, and can be `away`. */
export type TestLink = ControllerLink & {
  readonly receipts: Receipt[];
  readonly incidents: Incident[];
  readonly reports: HealthReport[];
  away: boolean;
  /** Hands over a plan and resolves with its receipt. */
  plan(plan: Plan): Promise<Receipt>;
  /** Resolves when `ready` holds; looked at whenever something arrives. */
  when(ready: () => boolean): Promise<void>;
  /** Resolves when the gate has reached the servers of that plan, and so knows whether they speak HTTP/2. */
  reached(generation: number): Promise<void>;
};

export function makeLink(): TestLink {
  const plans: Plan[] = [];
  const receipts: Receipt[] = [];
  const incidents: Incident[] = [];
  const reports: HealthReport[] = [];
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const when = (ready: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!ready()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  const answer = async (keep: () => void) => {
    if (link.away) throw new Failure('controller-unreachable', 'the controller is away');
    keep();
    notify();
  };
  const link: TestLink = {
    name: 'cp-1',
    controllerPort: 7443,
    away: false,
    receipts,
    incidents,
    reports,
    when,
    reached: (wanted) => when(() => reports.some(({ generation, ok }) => generation === wanted && ok)),
    async nextPlan(after, _wait, signal) {
      if (link.away) throw new Failure('controller-unreachable', 'the controller is away');
      const next = () => plans.findLast((plan) => plan.generation > after);
      const aborted = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([when(() => next() !== undefined || link.away), aborted]);
      if (signal.aborted) throw new Error('aborted');
      if (link.away) throw new Failure('controller-unreachable', 'the controller is away');
      return next();
    },
    sendReceipt: (receipt) => answer(() => receipts.push(receipt)),
    sendHealth: (report) => answer(() => reports.push(report)),
    sendIncidents: (batch) => answer(() => incidents.push(...batch.incidents)),
    sendSessions: () => answer(() => {}),
    sendOpen: () => answer(() => {}),
    keepIdentity: async () => {},
    close() {},
    async plan(plan) {
      plans.push(plan);
      notify();
      const mine = () => receipts.find((receipt) => receipt.generation === plan.generation);
      await when(() => mine() !== undefined);
      return mine() as Receipt;
    },
  };
  return link;
}

/** A machine that is busy with other tests is no overload, and its callers are not slow: what a test is about it sets itself. */
export const patient = {
  shedLagMs: 60_000,
  refuseLagMs: 60_000,
  handshakeMs: limitTable.handshakeMs.max,
  firstRequestMs: limitTable.firstRequestMs.max,
  headMs: limitTable.headMs.max,
  connectMs: limitTable.connectMs.max,
  closeMs: limitTable.closeMs.max,
};

export type RunningGate = {
  readonly dataDir: string;
  readonly lines: string[];
  /** Rejects when the gate stopped by itself. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
};

/** A gate in this process, following `link`. */
export function startGate(keys: Keys, link: TestLink, more: Partial<GateOptions> = {}): RunningGate {
  const dataDir = more.dataDir ?? join(keys.folder, `data-${++folders}`);
  const stop = new AbortController();
  const lines: string[] = [];
  const options: GateOptions = {
    name: 'cp-1',
    dataDir,
    plans: { from: 'controller', link },
    files: kubeadmFiles(keys.folder),
    healthSeconds: 0.5,
    writeLog: (line) => lines.push(line),
    ...more,
    limits: { ...patient, ...more.limits },
  };
  const done = runGate(options, stop.signal);
  done.catch(() => {});
  return {
    dataDir,
    lines,
    done,
    async stop() {
      stop.abort();
      await done;
    },
  };
}
let folders = 0;

/** The gate's clock in a test that lets time pass itself: for a gate in this process. */
export type OwnClock = {
  pass(ms: number): void;
  /** Lets time pass, as fast as the gate's sweeps take it in, until this has settled. */
  until<T>(work: Promise<T>): Promise<T>;
};

export function stopClock(t: TestContext): OwnClock {
  let now = performance.now();
  t.mock.method(performance, 'now', () => now);
  return {
    pass(ms) {
      now += ms;
    },
    async until(work) {
      let over = false;
      const end = () => {
        over = true;
      };
      const settled = work.then(end, end);
      while (!over) {
        now += 1_000;
        await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
      return work;
    },
  };
}

/** A plan with listeners in front of `upstream`. */
export function gatePlan(
  generation: number,
  listeners: readonly (Partial<GateListener> & { port: number; upstreamPort: number })[],
): GatePlan {
  return {
    kind: 'gate',
    generation,
    target: 'cp-1',
    issuedAt: '2026-01-01T00:00:00Z',
    listeners: listeners.map(({ port, upstreamPort, ...rest }) => ({
      server: 'lab/cp-1',
      stage: 'inspect',
      listen: { address: '127.0.0.1', port },
      upstream: { address: '127.0.0.1', port: upstreamPort, serverName: 'kubernetes' },
      shields: [],
      serverTags: [],
      ...rest,
    })),
    addressTags: [
      { address: '127.0.0.0/8', name: 'loopback', tags: ['site=lab'] },
      { address: '127.0.0.1', name: 'dev-host', tags: ['tier=developer'] },
    ],
  };
}

/**
 * A port of 127.0.0.1 that nobody uses. The kernel gives it to nobody who asks for any, so that it stays free while other
 * tests listen and connect.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createTcpServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
const given = new Set<number>();

export function removeKeys(keys: Keys): void {
  rmSync(keys.folder, { recursive: true, force: true });
}
