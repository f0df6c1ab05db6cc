// The listeners of one worker, brought to what its orders say: all of it or none of it.
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../base/failure.ts';
import { compileRules } from '../inspect/rules.ts';
import type { GateListener } from '../model/plan.ts';
import { createParties } from '../policy/parties.ts';
import { carryOf, type TokenHolder } from './carry.ts';
import { labelled } from './counters.ts';
import { isControlPlane } from './door.ts';
import type { GateLimits } from './limits.ts';
import { type Listener, openListener } from './listener.ts';
import type { ListenerSurroundings, ListenerView } from './listener-view.ts';
import { type ListenAt, listenOn, type PortHandle, portKey } from './listening-sockets.ts';
import { servedListeners } from './orders.ts';
import { createSharedPort, type SharedPort } from './shared-port.ts';
import { besideOf, type ListenerStanding, type Standing } from './standing.ts';
import { createUpstream } from './upstream.ts';
import type { Orders } from './worker-messages.ts';

/** What is ready to be put into force, and can fail no more. */
export type Prepared = {
  /** Answers how many connections were cut. */
  commit(): Promise<number>;
  discard(): Promise<void>;
};

export type Fleet = {
  /**
   * Does everything that can fail (rules, keys, ports), changing nothing that is in force. Ports that are new are taken
   * out of `ports`. The connections of a listener that is gone or lifted finish by themselves.
   * @throws Failure of a rule, of keys, or of a port
   */
  prepare(orders: Orders, ports: Map<string, PortHandle>): Promise<Prepared>;
  /** Looks at the limits of every connection. */
  sweep(): void;
  /** For the gate's other workers. */
  standing(): ListenerStanding[];
  /** What all of them have now; `news`: of the one that spoke. */
  heard(others: readonly Standing[], news: Standing | undefined): void;
  /** Views of the listeners that accept. */
  views(): readonly ListenerView[];
  readonly connections: number;
  readonly unauthenticated: number;
  readonly serverConnections: number;
  readonly ratedCallers: number;
  /** With those in their handshake. */
  readonly present: number;
  /** Stops accepting; every connection takes no new work. */
  drain(): Promise<void>;
  /** Ends every connection in order. Answers how many there were. */
  finish(): number;
  /** Stops accepting and cuts every connection. */
  destroy(): Promise<void>;
};

export type FleetParts = ListenerSurroundings & {
  /** Names, beside those of the plan, that servers read identity from. */
  readonly identityHeaders: readonly string[];
  readonly limits: GateLimits;
};

export function createFleet(parts: FleetParts): Fleet {
  let listeners = new Map<string, Listener>();
  /** Those of the plan in force, whether they accept or not. */
  let routes = listeners;
  /** Listeners that no longer accept and still have connections. */
  const retired = new Set<Listener>();
  /** By server. */
  const tokens = new Map<string, TokenHolder>();
  /** Ports that several servers share. */
  const shared = new Map<string, SharedPort>();
  /** Of them, those that no longer accept: who came in before is heard, as at any other port. */
  const stopped = new Set<SharedPort>();

  /** A new token is taken into use here, by the connections that are open too. */
  function tokenOf(server: string): TokenHolder {
    const holder = tokens.get(server) ?? { authorization: '' };
    tokens.set(server, holder);
    return holder;
  }

  function viewOf(listener: GateListener, orders: Orders, parties: ListenerView['parties']): ListenerView {
    const material = orders.materials[listener.server];
    if (!material) throw new Failure('bad-plan', `there are no keys for the server ${listener.server}`);
    const carry = carryOf(listener, material, parts.identityHeaders, tokenOf(listener.server));
    const former = listeners.get(keyOf(listener))?.view;
    const limits = { ...parts.limits, ...listener.limits } as GateLimits;
    const sameServer =
      former?.material.fingerprint === material.fingerprint &&
      former.listener.identity?.mode === listener.identity?.mode &&
      JSON.stringify(former.listener.upstream) === JSON.stringify(listener.upstream);
    return {
      listener,
      generation: orders.plan.generation,
      rules: compileRules(listener.shields),
      material,
      carry,
      // Kept where nothing changed, with what callers have spent of it.
      limits: former && isDeepStrictEqual(former.limits, limits) ? former.limits : limits,
      parties,
      // Kept where nothing changed, with its TLS sessions.
      upstream: sameServer
        ? former.upstream
        : createUpstream(listener.upstream, carry.upstream, parts.now, former?.upstream.speaksHttp2),
    };
  }

  async function openSharedPort(at: ListenAt, handle: PortHandle): Promise<SharedPort> {
    const key = portKey(at);
    const behind = () => [...routes.values()].filter(({ view }) => portKey(view.listener.listen) === key);
    const port = createSharedPort({
      route(serverName) {
        const found = behind().find(({ view }) => view.listener.shared?.names.includes(serverName ?? ''));
        return found && ((socket) => found.admit(socket));
      },
      refused: (why) => parts.counters.add(labelled('refusals_total', 'code', why)),
      timedOut: (what) => parts.counters.add(labelled('timeouts_total', 'what', what)),
      failed: (error) => parts.log('error', 'listener', { error: error.message }),
      trusted: (address) => behind().some(({ view }) => isControlPlane(view.parties, address)),
      now: () => parts.clock.now,
      limits: parts.limits,
    });
    await listenOn(port.server, handle, at);
    return port;
  }

  function retire(listener: Listener): Promise<void> {
    retired.add(listener);
    return listener.stop();
  }

  async function stopAll(): Promise<void> {
    const all = [...listeners.values()];
    listeners = new Map();
    for (const port of shared.values()) {
      port.stop();
      stopped.add(port);
    }
    shared.clear();
    await Promise.all(all.map(retire));
  }

  return {
    async prepare(orders, ports) {
      const parties = createParties(orders.plan.addressTags);
      const views = servedListeners(orders.plan).map((listener) => viewOf(listener, orders, parties));
      const next = new Map<string, Listener>();
      const opened: Listener[] = [];
      const openedPorts = new Map<string, SharedPort>();
      const discard = async () => {
        for (const port of openedPorts.values()) port.destroy();
        for (const listener of opened) {
          await listener.stop();
          listener.destroyAll();
        }
      };
      try {
        for (const view of views) {
          const key = keyOf(view.listener);
          const { listen, shared: sharing } = view.listener;
          const port = portKey(listen);
          const other = sharing ? listeners.has(port) : shared.has(port);
          if (other) throw sharingChanged(port);
          if (sharing && !shared.has(port) && !openedPorts.has(port)) {
            openedPorts.set(port, await openSharedPort(listen, takePort(ports, port)));
          }
          const kept = listeners.get(key);
          const own = sharing || kept ? undefined : takePort(ports, port);
          const listener = kept ?? (await openListener(view, own, parts));
          if (!kept) opened.push(listener);
          next.set(key, listener);
        }
      } catch (error) {
        await discard();
        throw error;
      }
      return {
        discard,
        async commit() {
          let cut = 0;
          for (const view of views) cut += next.get(keyOf(view.listener))?.update(view) ?? 0;
          const gone = [...listeners].filter(([key]) => !next.has(key)).map(([, listener]) => listener);
          for (const listener of gone) cut += cutLifted(listener, orders);
          listeners = next;
          routes = next;
          for (const [key, port] of openedPorts) shared.set(key, port);
          const used = new Set(
            views.flatMap(({ listener }) => (listener.shared ? portKey(listener.listen) : [])),
          );
          for (const [key, port] of shared) {
            if (used.has(key)) continue;
            shared.delete(key);
            port.destroy();
          }
          await Promise.all(gone.map(retire));
          return cut;
        },
      };
    },
    sweep() {
      for (const port of [...shared.values(), ...stopped]) port.sweep(parts.clock.now);
      for (const port of stopped) if (port.waiting === 0) stopped.delete(port);
      for (const listener of listeners.values()) listener.sweep();
      for (const listener of retired) {
        listener.sweep();
        // Who is in the handshake is there too, or still at the port.
        if (listener.present === 0 && stopped.size === 0) retired.delete(listener);
      }
    },
    standing: () => [...listeners].map(([listener, one]) => ({ listener, ...one.standing() })),
    heard(others, news) {
      for (const [key, listener] of listeners) {
        const said = news?.listeners.find((one) => one.listener === key);
        listener.heard(besideOf(key, others), said);
      }
    },
    views: () => [...listeners.values()].map((listener) => listener.view),
    get connections() {
      return sum(listeners, retired, (listener) => listener.connections);
    },
    get present() {
      let waiting = 0;
      for (const port of stopped) waiting += port.waiting;
      return waiting + sum(listeners, retired, (listener) => listener.present);
    },
    get unauthenticated() {
      return sum(listeners, retired, (listener) => listener.unauthenticated);
    },
    get ratedCallers() {
      return sum(listeners, retired, (listener) => listener.ratedCallers);
    },
    get serverConnections() {
      return sum(listeners, retired, (listener) => listener.serverConnections);
    },
    async drain() {
      await stopAll();
      for (const listener of retired) listener.lastCall();
    },
    finish() {
      let ended = 0;
      for (const port of stopped) port.destroy();
      for (const listener of retired) ended += listener.finishAll();
      return ended;
    },
    async destroy() {
      await stopAll();
      for (const port of stopped) port.destroy();
      for (const listener of retired) listener.destroyAll();
      stopped.clear();
      retired.clear();
    },
  };
}

/** The connections of a server that is lifted finish by themselves, unless the plan says that they are cut. */
function cutLifted(listener: Listener, { plan }: Orders): number {
  const { server, cut = 0 } = listener.view.listener;
  const now = plan.listeners.find((one) => one.server === server)?.cut ?? 0;
  return now > cut ? listener.destroyAll() : 0;
}

/** A port is one listener, unless servers share it: then each is one. */
function keyOf({ listen, server, shared }: GateListener): string {
  return shared ? `${portKey(listen)} ${server}` : portKey(listen);
}

/** The socket is another listener's, whose connections go on: it can't become this one's at the same moment. */
function sharingChanged(place: string): Failure {
  return new Failure('plan-conflict', 'a gate port that is in use can not begin or cease to be shared', {
    place,
    hint: 'give the server another gatePort together with its new gateNames',
  });
}

function takePort(ports: Map<string, PortHandle>, key: string): PortHandle {
  const handle = ports.get(key);
  if (!handle) throw new Failure('port-refused', 'the port was not handed over', { place: key });
  ports.delete(key);
  return handle;
}

function sum(
  listeners: ReadonlyMap<string, Listener>,
  retired: ReadonlySet<Listener>,
  read: (listener: Listener) => number,
): number {
  let total = 0;
  for (const listener of listeners.values()) total += read(listener);
  for (const listener of retired) total += read(listener);
  return total;
}
