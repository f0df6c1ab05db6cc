// From a plan and the identity files to orders for workers: read and checked by the parent, which alone may read keys.
import { Failure } from '../base/failure.ts';
import type { GateListener, GatePlan } from '../model/plan.ts';
import { checkServingName, type IdentityFiles, type IdentityMaterial } from './identity-files.ts';
import { portKey } from './listening-sockets.ts';
import type { Orders } from './worker-messages.ts';

/** The listeners of a plan that accept. */
export function servedListeners(plan: GatePlan): readonly GateListener[] {
  return plan.listeners.filter((listener) => listener.stage !== 'lifted');
}

/**
 * @param load reads and checks
 * @throws Failure `plan-conflict`, or of the files
 */
export function ordersOf(
  plan: GatePlan,
  filesOf: (server: string) => IdentityFiles,
  load: (files: IdentityFiles) => IdentityMaterial,
): Orders {
  const listeners = servedListeners(plan);
  refuseSharedPorts(listeners);
  const materials: Record<string, Orders['materials'][string]> = {};
  for (const { server, upstream } of listeners) {
    const files = filesOf(server);
    const material = load(files);
    checkServingName(material, files, upstream.serverName);
    const { leaf: _leaf, expires: _expires, ...served } = material;
    // JSON, in which orders travel, has no infinity.
    const { clientCrl } = served;
    const lists = clientCrl && {
      ...clientCrl,
      expires: Math.min(clientCrl.expires, Number.MAX_SAFE_INTEGER),
    };
    materials[server] = { ...served, clientCrl: lists };
  }
  return { plan, materials };
}

/** Do workers need to be told? A token changes without a trace in the fingerprint. */
export function sameMaterials(one: Orders, other: Orders): boolean {
  const text = ({ materials }: Orders) =>
    JSON.stringify(
      Object.entries(materials).map(([server, { fingerprint, impersonationToken }]) => [
        server,
        fingerprint,
        impersonationToken,
      ]),
    );
  return text(one) === text(other);
}

function refuseSharedPorts(listeners: readonly GateListener[]): void {
  const seen = new Map<string, string>();
  for (const { server, listen, shared } of listeners) {
    if (shared) {
      refuseSharedNames(listeners, server, portKey(listen), shared.names);
      continue;
    }
    const other = seen.get(portKey(listen));
    if (other !== undefined) {
      throw new Failure('plan-conflict', `the servers ${other} and ${server} are given the same gate port`, {
        place: `${listen.address}:${listen.port}`,
        hint: 'give each server its own gatePort in the inventory',
      });
    }
    seen.set(portKey(listen), server);
  }
}

/** Servers that share a port must all be told apart, and by names that no two of them have. */
function refuseSharedNames(
  listeners: readonly GateListener[],
  server: string,
  port: string,
  names: readonly string[],
): void {
  for (const other of listeners) {
    if (other.server === server || portKey(other.listen) !== port) continue;
    if (other.shared && !other.shared.names.some((name) => names.includes(name))) continue;
    throw new Failure(
      'plan-conflict',
      `the servers ${server} and ${other.server} share a gate port and can't be told apart by name`,
      { place: port, hint: 'give each its own gatePort, or gateNames of its own, in the inventory' },
    );
  }
}
