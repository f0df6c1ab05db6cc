// Where a service's steered callers are sent.
import { parseCidr } from '../base/cidr.ts';
import type { ProtectedService } from '../model/plan.ts';
import type { Family } from './intervals.ts';

/** A gate's port, and its address; without one, at any address of the host. */
export type GateAt = {
  readonly port: number;
  readonly to?: { readonly family: Family; readonly address: bigint };
};

/** Is the service's gate on this host? */
export function hasLocalGate(service: ProtectedService): boolean {
  return service.gatePort !== undefined && service.gateAddresses === undefined;
}

/**
 * A gate of this host is named by the service's own address wherever there is one: `redirect` sends to an address of
 * the interface that a packet came in by, and drops it where that has none, as the pod interfaces of routed CNIs.
 * Undefined: there is no gate for this family.
 */
export function gateOf(
  service: ProtectedService,
  family: Family,
  host: { readonly localAddresses: readonly string[] },
): GateAt | undefined {
  const port = service.gatePort;
  if (port === undefined) return undefined;
  const own = service.endpoints.map(({ address }) => address);
  const candidates = service.gateAddresses ?? own.filter((address) => host.localAddresses.includes(address));
  const address = candidates.map((text) => parseCidr(text)).find((cidr) => cidr.family === family);
  if (address) return { port, to: { family, address: address.first } };
  return service.gateAddresses === undefined ? { port } : undefined;
}
