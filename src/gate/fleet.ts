// The listeners of one gate, brought to what a plan says: all of it or none of it.
import { Failure } from '../base/failure.ts';
import { compileRules } from '../inspect/rules.ts';
import type { GateListener, GatePlan } from '../model/plan.ts';
import { createParties } from '../policy/parties.ts';
import { carryOf, type TokenHolder } from './carry.ts';
import { checkServingName, type IdentityFiles, type IdentityMaterial } from './identity-files.ts';
import type { GateLimits } from './limits.ts';
import { type Listener, type ListenerSurroundings, type ListenerView, openListener } from './listener.ts';
import { createUpstream } from './upstream.ts';

export type Fleet = {
  /**
   * Brings the listeners to the plan. Everything that can fail (files, rules, ports) is done before anything changes,
   * so that on a Failure the former plan stands untouched. No connection is dropped: those of a listener that is gone
   * or lifted finish by themselves.
   * @throws Failure of the files, a rule or a port
   */
  apply(plan: GatePlan): Promise<void>;
  /** Reads the files again and takes new ones into use. @throws Failure; the former ones stay in use */
  refreshFiles(): void;
  /** Looks at the limits of every connection. */
  sweep(): void;
  /** Views of the listeners that accept. */
  views(): readonly ListenerView[];
  readonly connections: number;
  readonly unauthenticated: number;
  readonly serverConnections: number;
  /** Stops accepting and cuts every connection. */
  destroy(): Promise<void>;
};

export type FleetParts = ListenerSurroundings & {
  readonly filesOf: (server: string) => IdentityFiles;
  /** Reads and checks; may answer from what it read before. */
  readonly load: (files: IdentityFiles) => IdentityMaterial;
  /** Names, beside those of the plan, that servers read identity from. */
  readonly identityHeaders: readonly string[];
  readonly limits: GateLimits;
};

export function createFleet(parts: FleetParts): Fleet {
  let listeners = new Map<string, Listener>();
  /** Listeners that no longer accept and still have connections. */
  const retired = new Set<Listener>();
  /** By server. */
  const tokens = new Map<string, TokenHolder>();

  function tokenOf(server: string): TokenHolder {
    const holder = tokens.get(server) ?? { authorization: '' };
    tokens.set(server, holder);
    return holder;
  }

  function viewOf(listener: GateListener, plan: GatePlan, parties: ListenerView['parties']): ListenerView {
    const files = parts.filesOf(listener.server);
    const material = parts.load(files);
    checkServingName(material, files, listener.upstream.serverName);
    const carry = carryOf(listener, material, parts.identityHeaders, tokenOf(listener.server));
    const former = listeners.get(keyOf(listener))?.view;
    const sameServer =
      former?.material.fingerprint === material.fingerprint &&
      former.listener.identity?.mode === listener.identity?.mode &&
      JSON.stringify(former.listener.upstream) === JSON.stringify(listener.upstream);
    return {
      listener,
      generation: plan.generation,
      rules: compileRules(listener.shields),
      material,
      carry,
      limits: { ...parts.limits, ...listener.limits } as GateLimits,
      parties,
      // Kept where nothing changed, with its TLS sessions.
      upstream: sameServer ? former.upstream : createUpstream(listener.upstream, carry.upstream, parts.now),
    };
  }

  function retire(listener: Listener): Promise<void> {
    retired.add(listener);
    return listener.stop();
  }

  return {
    async apply(plan) {
      const parties = createParties(plan.addressTags);
      const wanted = plan.listeners.filter((listener) => listener.stage !== 'lifted');
      refuseSharedPorts(wanted);
      const views = wanted.map((listener) => viewOf(listener, plan, parties));
      const next = new Map<string, Listener>();
      const opened: Listener[] = [];
      try {
        for (const view of views) {
          const key = keyOf(view.listener);
          const kept = listeners.get(key);
          const listener = kept ?? (await openListener(view, parts));
          if (!kept) opened.push(listener);
          next.set(key, listener);
        }
      } catch (error) {
        for (const listener of opened) {
          await listener.stop();
          listener.destroyAll();
        }
        throw error;
      }
      for (const view of views) next.get(keyOf(view.listener))?.update(view);
      const gone = [...listeners].filter(([key]) => !next.has(key)).map(([, listener]) => listener);
      listeners = next;
      await Promise.all(gone.map(retire));
    },
    refreshFiles() {
      const renewed = [...listeners.values()].flatMap((listener) => {
        const { view } = listener;
        const files = parts.filesOf(view.listener.server);
        const material = parts.load(files);
        const { server } = view.listener;
        // A new token is taken into use here, by the connections that are open too.
        const carry = carryOf(view.listener, material, parts.identityHeaders, tokenOf(server));
        if (material.fingerprint === view.material.fingerprint) return [];
        checkServingName(material, files, view.listener.upstream.serverName);
        return [{ listener, material, carry }];
      });
      for (const { listener, material, carry } of renewed) {
        const { view } = listener;
        const upstream = createUpstream(view.listener.upstream, carry.upstream, parts.now);
        listener.update({ ...view, material, carry, upstream });
      }
    },
    sweep() {
      for (const listener of listeners.values()) listener.sweep();
      for (const listener of retired) {
        listener.sweep();
        if (listener.connections === 0) retired.delete(listener);
      }
    },
    views: () => [...listeners.values()].map((listener) => listener.view),
    get connections() {
      return sum(listeners, retired, (listener) => listener.connections);
    },
    get unauthenticated() {
      return sum(listeners, retired, (listener) => listener.unauthenticated);
    },
    get serverConnections() {
      return sum(listeners, retired, (listener) => listener.serverConnections);
    },
    async destroy() {
      const all = [...listeners.values()];
      await Promise.all(all.map(retire));
      listeners = new Map();
      for (const listener of retired) listener.destroyAll();
      retired.clear();
    },
  };
}

function refuseSharedPorts(listeners: readonly GateListener[]): void {
  const seen = new Map<string, string>();
  for (const listener of listeners) {
    const other = seen.get(keyOf(listener));
    if (other !== undefined) {
      throw new Failure(
        'plan-conflict',
        `the servers ${other} and ${listener.server} are given the same gate port`,
        {
          place: `${listener.listen.address}:${listener.listen.port}`,
          hint: 'give each server its own gatePort in the inventory',
        },
      );
    }
    seen.set(keyOf(listener), listener.server);
  }
}

/** A port is one listener, whichever server stands behind it: it can't be bound twice. */
function keyOf(listener: GateListener): string {
  return `${listener.listen.address} ${listener.listen.port}`;
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
