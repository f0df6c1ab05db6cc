// One port of the gate: TLS towards callers, a relay per connection, the view that new connections are judged by.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { createBodyBudget } from '../inspect/body-budget.ts';
import { createConnection } from '../inspect/connection.ts';
import type { ConnectionSettings, Identity } from '../inspect/connection-types.ts';
import { createHttp2Connection } from '../inspect/h2/connection.ts';
import { createRates } from '../inspect/rates.ts';
import { limitTable } from '../model/limits.ts';
import { createParties, type Parties } from '../policy/parties.ts';
import { callerAddress, identifyCaller, revokedBy } from './caller.ts';
import { createCallerRecords } from './caller-records.ts';
import { upstreamMode } from './carry.ts';
import { labelled } from './counters.ts';
import { createDoor, isControlPlane } from './door.ts';
import { createFloodBudgets } from './flood-budgets.ts';
import type { RevocationLists } from './identity-files.ts';
import { gateFinding, type Scene } from './incidents.ts';
import type { ListenerSurroundings, ListenerView } from './listener-view.ts';
import { listenOn, type PortHandle } from './listening-sockets.ts';
import { judgeLoad } from './load.ts';
import { type Guest, sourceKey } from './reception.ts';
import { type RelayEvents, startRelay } from './relay.ts';
import { sheddingOf } from './shedding.ts';
import { type Beside, type ListenerStanding, standingEntries } from './standing.ts';
import { createTelling } from './telling.ts';
import { secureOptions } from './tls-options.ts';
import { type TurnedAway, turnAway } from './turn-away.ts';

export type Listener = {
  readonly view: ListenerView;
  /**
   * New connections are judged by this view from now on. Where it judges otherwise than the one before, or the caller's
   * tags are others, older ones take no new work: they end between two exchanges and come back to be judged anew, while a watch or tunnel goes on. Where
   * the plan's `cut` has risen, older ones are cut. Returns how many were.
   */
  update(view: ListenerView): number;
  /** Takes over a connection that came in by a port that servers share. */
  admit(socket: Socket): void;
  /** Stops accepting; connections go on. Resolves when the port is free. */
  stop(): Promise<void>;
  sweep(): void;
  /** Connections take no new work and end when what is going on is done; those that have asked nothing are heard once. */
  lastCall(): void;
  /** Ends every connection in order: what was written still goes out. Returns how many there were. */
  finishAll(): number;
  /** Cuts every connection. Returns how many there were. */
  destroyAll(): number;
  /** For the gate's other workers. */
  standing(): Omit<ListenerStanding, 'listener'>;
  /** What they have now, and what one of them says once. */
  heard(beside: Beside, news: Pick<ListenerStanding, 'arrived' | 'spent' | 'hits'> | undefined): void;
  readonly connections: number;
  /** With those in their handshake. */
  readonly present: number;
  readonly unauthenticated: number;
  readonly serverConnections: number;
  /** Callers that rules with a rate remember. */
  readonly ratedCallers: number;
};

/** Accepts on a bound socket; without one, what `admit` is given. @throws Failure `port-in-use`, `port-refused` */
export async function openListener(
  first: ListenerView,
  port: PortHandle | undefined,
  around: ListenerSurroundings,
): Promise<Listener> {
  const { counters, log } = around;
  let view = first;
  const telling = createTelling(around, () => view.listener.server);
  /** Each with its caller's address. */
  const open = new Map<TurnedAway, string>();
  /** Connections that a certificate vouches for. */
  const certified = new Map<TurnedAway, { readonly certificate: string; readonly scene: Scene }>();
  let closing = false;
  const budgets = createFloodBudgets(around.clock, around.workers);
  const bodies = createBodyBudget();
  // The coarse clock would be too coarse for a window of a second.
  const rates = createRates({
    now: () => performance.now(),
    seed: randomBytes(4).readUInt32BE(),
    shared: () => counters.add('rate_hits_shared_total'),
    workers: around.workers,
    name: (text) => createHash('sha256').update(text).digest('base64url'),
  });
  let connectionNumber = 0;
  /** Callers are offered what the server takes. */
  let probed = around.clock.now;
  await view.upstream.probe(probeMs);
  const server = createServer(
    {
      ...secureOptions(first.listener, first.material),
      requestCert: true,
      // Decided after the handshake, so that the refused get a Status that says why.
      rejectUnauthorized: false,
      ALPNCallback: ({ protocols }) => chooseProtocol(protocols, view.upstream.speaksHttp2),
      // The reception closes what is too slow, by the limit in force; this only bounds it.
      handshakeTimeout: limitTable.handshakeMs.max,
    },
    accept,
  );
  const door = createDoor(server, first, around.clock, around.workers, {
    refused: (why) => counters.add(labelled('refusals_total', 'code', why)),
    timedOut: (what) => counters.add(labelled('timeouts_total', 'what', what)),
    shut: () => judgeLoad(around.meter, view.limits) === 'refuse',
  });
  server.on('connection', () => counters.add('connections_total'));
  server.on('tlsClientError', () => counters.add('handshake_failures_total'));
  if (port) await listenOn(door.server, port, first.listener.listen);
  door.server.on('error', (error) => log('error', 'listener', { error: error.message }));

  function accept(client: TLSSocket): void {
    // Not before: who ends in mid-handshake would be held until that is too late.
    client.allowHalfOpen = true;
    const guest = door.guestOf(client);
    guest?.handshaken();
    const { shared } = view.listener;
    if (shared && !shared.names.includes(String(client.servername).toLowerCase())) {
      counters.add(labelled('refusals_total', 'code', 'unknown-server-name'));
      client.destroy();
      return;
    }
    const caller = identifyCaller(client, view, around.now());
    if (!caller.ok) {
      counters.add(labelled('refusals_total', 'code', caller.code));
      log('warning', 'refused', {
        code: caller.code,
        reason: caller.reason,
        from: client.remoteAddress,
        server: view.listener.server,
      });
      const id = randomUUID();
      const finding = gateFinding(caller.code, caller.reason, id);
      const scene = sceneOf(client, { method: 'none' });
      const handle = turnAway(client, `${caller.reason} (verdict ${id})`, {
        clock: around.clock,
        limits: view.limits,
        telling,
        answered: () => telling.raise(finding, scene),
        gone: () => void open.delete(handle),
      });
      open.set(handle, scene.address);
      return;
    }
    if (caller.identity.method === 'certificate') guest?.authenticated();
    relayFor(client, caller.identity, caller.certificate, guest);
  }

  function relayFor(
    client: TLSSocket,
    identity: Identity,
    certificate: string | undefined,
    guest: Guest | undefined,
  ): void {
    const current = view;
    const scene = sceneOf(client, identity);
    const mode = upstreamMode(identity);
    const protocol = client.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
    const proven = identity.method === 'certificate' || isControlPlane(current.parties, scene.address);
    const bodyAccount = bodies.account(
      proven ? undefined : sourceKey(scene.address),
      current.limits.heldBodyBytes,
    );
    const settings: ConnectionSettings = {
      identity,
      ...current.carry.settings,
      ...(current.listener.shared ? { hosts: new Set(current.listener.shared.names) } : {}),
      auditStem: randomUUID().slice(0, 24),
      sourceAddress: scene.address,
      sourceTags: () => current.parties(scene.address).tags,
      rules: current.rules,
      limits: current.limits,
      bodyAccount,
      rates: rates.of({
        user: identity.method === 'certificate' ? identity.user : undefined,
        source: sourceKey(scene.address),
        connection: connectionNumber++,
      }),
      newId: randomUUID,
      now: around.now,
      ...(protocol === 'h2' ? { floodBudget: budgets.of(identity, scene.address, current.limits) } : {}),
      ...sheddingOf(identity, current.limits, around),
    };
    const records = createCallerRecords(around, scene, () => guest?.authenticated());
    const events: RelayEvents = {
      ...telling,
      finding: (finding) => telling.raise(finding, scene),
      begun: records.begun,
      closed() {
        records.closed();
        bodyAccount.close();
        open.delete(relay);
        certified.delete(relay);
      },
    };
    const relay = startRelay(
      client,
      (sink) => (protocol === 'h2' ? createHttp2Connection : createConnection)(settings, sink),
      (received) => {
        counters.add('upstream_connections_total');
        return current.upstream.open(mode, received, protocol);
      },
      around.clock,
      current.limits,
      events,
    );
    open.set(relay, scene.address);
    if (certificate !== undefined) certified.set(relay, { certificate, scene });
    if (closing) relay.lastCall();
  }

  function sceneOf(client: TLSSocket, identity: Identity): Scene {
    const { listener, generation, parties } = view;
    const address = callerAddress(client.remoteAddress);
    const port = client.remotePort ?? 0;
    const protocol = client.alpnProtocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1';
    return { gate: around.gate, listener, generation, identity, address, port, parties, protocol };
  }

  /** By the host's table a caller came to the port; whether it may come to this server is asked here. */
  function mayCome(address: string): boolean {
    const { shared } = view.listener;
    if (!shared) return true;
    let among = admitted.get(shared);
    if (!among) {
      among = createParties(shared.callers.map((prefix) => ({ address: prefix, name: 'caller', tags: [] })));
      admitted.set(shared, among);
    }
    return among(address).name === 'caller';
  }

  function drain(): void {
    for (const handle of [...open.keys()]) handle.drain();
  }

  /** Callers whose tags are others now, by which rules may judge. */
  function drainRetagged(before: Parties, now: Parties): void {
    const tagsOf = (parties: Parties, address: string) => JSON.stringify(parties(address).tags);
    const retagged = new Map<string, boolean>();
    for (const [handle, address] of [...open]) {
      const others = retagged.get(address) ?? tagsOf(before, address) !== tagsOf(now, address);
      retagged.set(address, others);
      if (others) handle.drain();
    }
  }

  function destroyAll(): number {
    const { size } = open;
    for (const handle of [...open.keys()]) handle.destroy();
    return size;
  }

  /** A new list reaches who is in already, watches and tunnels too. */
  function cutRevoked(lists: RevocationLists): number {
    const revoked = revokedBy(lists);
    let count = 0;
    for (const [handle, { certificate, scene }] of [...certified]) {
      if (!revoked.has(certificate)) continue;
      counters.add(labelled('refusals_total', 'code', 'certificate-revoked'));
      const message = 'the client certificate was revoked while a connection of it was open: that was cut';
      telling.raise(gateFinding('certificate-revoked', message, randomUUID()), scene);
      handle.destroy();
      count += 1;
    }
    return count;
  }

  return {
    get view() {
      return view;
    },
    update(next) {
      const rekey =
        next.material.fingerprint !== view.material.fingerprint ||
        next.listener.server !== view.listener.server;
      const otherwise = rekey || judgement(next) !== judgement(view);
      const cut = (next.listener.cut ?? 0) > (view.listener.cut ?? 0);
      if (next.upstream !== view.upstream) void next.upstream.probe(probeMs);
      const { parties } = view;
      view = next;
      door.update(next);
      if (rekey) server.setSecureContext(secureOptions(next.listener, next.material));
      if (cut) return destroyAll();
      const revoked = rekey && next.material.clientCrl ? cutRevoked(next.material.clientCrl) : 0;
      if (otherwise) drain();
      else drainRetagged(parties, next.parties);
      return revoked;
    },
    admit(socket) {
      const why = !mayCome(callerAddress(socket.remoteAddress))
        ? 'caller-not-admitted'
        : door.present + door.beside >= view.limits.connections
          ? 'too-many-connections'
          : undefined;
      if (why === undefined) {
        door.server.emit('connection', socket);
        return;
      }
      counters.add(labelled('refusals_total', 'code', why));
      socket.on('error', () => {});
      socket.destroy();
    },
    stop() {
      return new Promise((resolve) => {
        // close() calls back when the last connection has ended; the port is free at once.
        door.server.close();
        setImmediate(resolve);
      });
    },
    sweep() {
      door.sweep();
      for (const handle of open.keys()) handle.sweep();
      budgets.sweep();
      rates.sweep();
      const { now } = around.clock;
      if (now - probed > reprobeMs) {
        probed = now;
        void view.upstream.probe(probeMs);
      }
    },
    standing: () => ({ ...door.standing(), spent: budgets.spent(), hits: rates.news(standingEntries) }),
    heard(beside, news) {
      door.heard(beside, news?.arrived ?? []);
      if (!news) return;
      budgets.heard(news.spent, view.limits);
      rates.heard(news.hits);
    },
    lastCall() {
      closing = true;
      for (const handle of [...open.keys()]) handle.lastCall();
    },
    finishAll() {
      const { size } = open;
      for (const handle of [...open.keys()]) handle.finish();
      return size;
    },
    destroyAll,
    get connections() {
      return open.size;
    },
    get present() {
      return Math.max(open.size, door.present);
    },
    get unauthenticated() {
      return door.unauthenticated;
    },
    get ratedCallers() {
      return rates.callers;
    },
    get serverConnections() {
      let count = 0;
      for (const handle of open.keys()) if (handle.serverOpen) count += 1;
      return count;
    },
  };
}

/** Who may come to a server that shares its port, by the plan's list of them. */
const admitted = new WeakMap<object, Parties>();

/** For a server to say what it takes, ms, and how often it is asked again. */
const probeMs = 1_000;
const reprobeMs = 10_000;

/** What the caller offers first of what the server takes; undefined: no protocol in common. */
function chooseProtocol(offered: readonly string[], http2: boolean): string | undefined {
  if (http2 && offered.includes('h2')) return 'h2';
  return offered.includes('http/1.1') ? 'http/1.1' : undefined;
}

/** What a connection is judged by, as far as a plan says it. */
function judgement({ listener }: ListenerView): string {
  const { shields, stage, upstream, identity } = listener;
  return JSON.stringify([shields, stage, upstream, identity]);
}
