// Where shields are put to the proof: a gate with a worker process of its own, a scripted server behind it, and keys that are
// thrown away. On loopback, for as long as the command runs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { kubeadmFiles } from '../../gate/identity-files.ts';
import { runGate } from '../../gate/run.ts';
import type { GateListener, GatePlan, GateShield, Receipt } from '../../model/plan.ts';
import type { Incident } from '../../model/record.ts';
import type { ControllerLink } from '../../platform/controller-client.ts';
import { createAuthority, issue, type KeyPair } from '../../platform/pki.ts';
import { type Caller, openCaller } from './caller.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

/** One listener of the gate, with one shield. */
export type Stand = { readonly port: number };

export type StandWanted = {
  readonly shield: GateShield;
  /** Callers that will come to it, by address. */
  readonly sources: readonly { readonly address: string; readonly tags: readonly string[] }[];
};

export type Ground = {
  readonly server: ScriptedServer;
  /** Puts these in force, in place of what was. */
  build(wanted: readonly StandWanted[]): Promise<readonly Stand[]>;
  call(
    stand: Stand,
    from: string,
    as: { readonly user: string; readonly groups: readonly string[] } | undefined,
    protocol: 'h2' | 'http/1.1',
  ): Promise<Caller>;
  /** Resolves when all that was sent so far, by caller and server, has gone where it goes. */
  settle(caller: Caller): Promise<void>;
  /** What the gate has recorded of callers from there. */
  incidents(from: string): Promise<readonly Incident[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

const name = 'proof';
/** How long anything may take that takes milliseconds on a machine that has nothing else to do. */
const patienceMs = 120_000;
/** Rounds through the gate, which reads whatever it takes in each: what has not come to rest in so many is held back. */
const restRounds = 200;

/** @throws Failure `proof-failed` when the gate does not come up or ends by itself */
export async function openGround(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-proof-'));
  const closing: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    return await open(folder, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  folder: string,
  closing: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Ground> {
  const authority = await createAuthority('kubernetes', 1);
  const serving = await issue(authority, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['kubernetes', '127.0.0.1'],
    days: 1,
  });
  const frontProxy = await issue(authority, {
    subject: { commonName: 'front-proxy-client' },
    use: ['client'],
    days: 1,
  });
  for (const [file, text] of [
    ['ca.crt', authority.certificate],
    ['apiserver.crt', serving.certificate],
    ['apiserver.key', serving.key],
    ['front-proxy-client.crt', frontProxy.certificate],
    ['front-proxy-client.key', frontProxy.key],
  ] as const) {
    writeFileSync(join(folder, file), text, { mode: 0o600 });
  }
  const server = await startScriptedServer(serving, authority.certificate);
  closing.push(() => server.close());
  /** Asked after everything else: whoever is answered here knows that the worker has read all that came before. */
  const echo = await startScriptedServer(serving, authority.certificate, echoAnswer);
  closing.push(() => echo.close());

  const link = linkTo();
  const metrics = await freePorts(1);
  const stop = new AbortController();
  let gone: string | undefined;
  const lost = runGate(
    {
      name,
      dataDir: join(folder, 'gate'),
      plans: { from: 'controller', link },
      files: kubeadmFiles(folder),
      workers: 1,
      metricsPort: metrics.take(),
      writeLog: () => {},
      // A busy machine is no reason to refuse: this is about shields.
      limits: { shedLagMs: 60_000, refuseLagMs: 60_000, handshakeMs: patienceMs, connectMs: patienceMs },
    },
    stop.signal,
  ).then(
    () => undefined,
    (error: Error) => {
      gone = error.message;
    },
  );
  closing.push(async () => {
    stop.abort();
    await lost;
  });
  const metricsAt = `http://127.0.0.1:${metrics.first}/metrics`;

  /** @throws Failure `proof-failed` when it takes too long, or the gate is gone */
  async function within<T>(what: string, work: Promise<T>): Promise<T> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), patienceMs);
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Failure('proof-failed', gone ?? `${what} took too long`));
      limit.signal.addEventListener('abort', fail);
      void lost.then(() => gone !== undefined && fail());
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  let generation = 0;
  let barrier: Caller | undefined;
  closing.push(() => barrier?.destroy());
  const certificates = new Map<string, Promise<KeyPair>>();

  async function pass(): Promise<void> {
    if (!barrier) throw new TypeError('nothing is in force');
    barrier.say(echoQuestion);
    await within('a request through the gate', barrier.more());
  }

  return {
    server,
    async build(wanted) {
      const ports = await freePorts(wanted.length + 1);
      const listener = (index: number, upstreamPort: number, shields: GateShield[]): GateListener => ({
        server: `${name}/${index}`,
        stage: 'inspect',
        listen: { address: '127.0.0.1', port: ports.take() },
        upstream: { address: '127.0.0.1', port: upstreamPort, serverName: 'kubernetes' },
        shields,
        serverTags: [],
        limits: { handshakesPerSource: 100_000 },
      });
      const listeners = [
        listener(0, echo.port, []),
        ...wanted.map(({ shield }, index) => listener(index + 1, server.port, [shield])),
      ];
      generation += 1;
      const plan: GatePlan = {
        kind: 'gate',
        generation,
        target: name,
        issuedAt: '2026-01-01T00:00:00Z',
        listeners,
        addressTags: wanted.flatMap(({ sources }) =>
          sources.map(({ address, tags }) => ({ address, name: address, tags: [...tags] })),
        ),
      };
      barrier?.destroy();
      const receipt = await within('a plan', link.put(plan));
      if (!receipt.ok) {
        throw new Failure('proof-failed', `the gate does not take the shields: ${receipt.error}`);
      }
      const port = (index: number) => listeners[index]?.listen.port ?? 0;
      barrier = await within('a connection', openCaller(authority.certificate, port(0), {}));
      return wanted.map((_, index) => ({ port: port(index + 1) }));
    },
    async call(stand, from, as, protocol) {
      const key = as && JSON.stringify([as.user, as.groups]);
      if (as && key !== undefined && !certificates.has(key)) {
        const subject = { commonName: as.user, organizations: as.groups };
        certificates.set(key, issue(authority, { subject, use: ['client'], days: 1 }));
      }
      const identity = key === undefined ? undefined : await certificates.get(key);
      return within(
        'a connection',
        openCaller(authority.certificate, stand.port, { from, identity, protocol }),
      );
    },
    async settle(caller) {
      const seen = () => server.activity + caller.activity;
      let rounds = 0;
      for (let before = -1; before !== seen() || server.handshakes > 0 || caller.busy; rounds += 1) {
        if (before !== seen()) rounds = 0;
        if (rounds > restRounds) break;
        before = seen();
        await pass();
        await pass();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async incidents(from) {
      for (;;) {
        // Counters come the way that incidents come, after them.
        const text = await within(
          'its counters',
          fetch(metricsAt).then((answer) => answer.text()),
        );
        if (/^portcullis_gate_incidents_waiting 0$/m.test(text)) break;
      }
      return link.incidents.filter(({ who }) => who.from.address === from);
    },
    [Symbol.asyncDispose]: close,
  };
}

const echoQuestion = Buffer.from('GET /version HTTP/1.1\r\nHost: kubernetes\r\n\r\n');
const echoAnswer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

type Link = ControllerLink & { put(plan: GatePlan): Promise<Receipt>; readonly incidents: Incident[] };

/** A controller that is in this process. */
function linkTo(): Link {
  const incidents: Incident[] = [];
  let plan: GatePlan | undefined;
  let wake: (() => void) | undefined;
  let took: ((receipt: Receipt) => void) | undefined;
  return {
    name,
    controllerPort: 1,
    incidents,
    async nextPlan(after, _wait, signal) {
      while (!signal.aborted) {
        if (plan && plan.generation > after) return plan;
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      return undefined;
    },
    async sendReceipt(receipt) {
      took?.(receipt);
    },
    async sendIncidents(batch) {
      incidents.push(...batch.incidents);
    },
    async sendHealth() {},
    async sendSessions() {},
    async sendOpen() {},
    async keepIdentity() {},
    close() {},
    put(next) {
      return new Promise((resolve) => {
        took = resolve;
        plan = next;
        wake?.();
      });
    },
  };
}

/** Ports of loopback that were free a moment ago. */
async function freePorts(count: number): Promise<{ readonly first: number; take(): number }> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<Server>((resolve, reject) => {
          const server = createServer().once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { first: ports[0] ?? 0, take: () => ports.shift() ?? 0 };
}
