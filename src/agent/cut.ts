// Whose connections a plan cut, for its receipt: by caller, with the rule that closed them.
import type { Receipt } from '../model/plan.ts';
import { judge } from '../nft/intervals.ts';
import type { Flow } from './conntrack-events.ts';
import type { Protected } from './protected.ts';
import type { Socket } from './sockets.ts';

export type Cut = NonNullable<Receipt['cut']>[number];

/** Callers that a receipt names; of more, those with the most connections. */
const maxNamed = 100;

type Ends = { readonly caller: string; readonly address: string; readonly port: number };

export function socketEnds({ peer, local, localPort }: Socket): Ends {
  return { caller: peer, address: local, port: localPort };
}

export function flowEnds({ source, destination, port }: Flow): Ends {
  return { caller: source, address: destination, port };
}

export function summarise(resolved: Protected, ends: readonly Ends[]): Cut[] {
  const cuts = new Map<string, Cut>();
  for (const { caller, address, port } of ends) {
    const key = `${caller} ${address} ${port}`;
    const known = cuts.get(key);
    if (known) {
      cuts.set(key, { ...known, connections: known.connections + 1 });
      continue;
    }
    // A gate port: the caller's way in was closed, or the connection was there before the table.
    const target = resolved.at(address, port) ?? resolved.behindGate(port)[0];
    if (!target) continue;
    const { rule } = judge(target, caller);
    cuts.set(key, { from: caller, server: target.service.server, rule, connections: 1 });
  }
  return [...cuts.values()].sort((a, b) => b.connections - a.connections).slice(0, maxNamed);
}
