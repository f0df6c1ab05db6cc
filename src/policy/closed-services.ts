// What shields at block close beside API servers: services of hosts, and webhooks of clusters.
import { Failure } from '../base/failure.ts';
import type { Stage } from '../model/common.ts';
import type { ShieldMode } from '../model/mode.ts';
import type { HostServiceName, Shield } from '../model/shield.ts';
import { type PartName, parsePart } from './part-name.ts';

/** By the service's name (`kubelet/node-1`, `loopback/node-1`, `webhook/prod`): the shields that close it, by id. */
export type ClosedServices = ReadonlyMap<string, readonly Shield[]>;

/** A shield that is off closes nothing. In shadow it closes what a stage says: there is nothing to look at beside. */
export type PartModes = (part: PartName, name: string, shield: Shield) => ShieldMode;

/**
 * @param stages of parts and servers; those of servers are passed over, for stages.ts reads them
 * @throws Failure `unknown-shield` for one that should close something: leaving it out would open it
 */
export function closedServices(
  stages: readonly { readonly server: string; readonly shield: string; readonly stage: Stage }[],
  shields: readonly Shield[],
  servers: ReadonlySet<string>,
  modeOf: PartModes,
  exists: (part: PartName) => boolean,
): ClosedServices {
  const closed = new Map<string, Shield[]>();
  for (const { server: subject, shield: id, stage } of stages) {
    const part = parsePart(subject);
    if (stage !== 'block' || !part || servers.has(subject)) continue;
    const shield = shields.find((candidate) => candidate.id === id);
    if (!shield && !exists(part)) continue;
    if (!shield) {
      throw new Failure('unknown-shield', `shield '${id}' stands at ${stage} but is not among the shields`, {
        place: subject,
        hint: 'put its file back, or lift it first',
      });
    }
    if (modeOf(part, subject, shield) === 'off') continue;
    for (const service of servicesOf(shield, part.kind)) {
      const name = `${service}/${part.of}`;
      const known = closed.get(name) ?? [];
      if (known.includes(shield)) continue;
      closed.set(
        name,
        [...known, shield].sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
    }
  }
  return closed;
}

/** A cluster's part has webhooks to close, a host's part everything else. */
function servicesOf({ firstResponse }: Shield, kind: 'host' | 'cluster'): HostServiceName[] {
  return (firstResponse.services ?? []).filter((name) => (name === 'webhook') === (kind === 'cluster'));
}
