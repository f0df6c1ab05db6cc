// What becomes of a packet once its verdict is known, in either direction. Whoever leads here has counted it.
import type { ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import { families } from './intervals.ts';
import type { Chain, Match, Rule, Statement } from './table.ts';

/** Notes who was refused; a rule that fills a set is slow to load, so one chain does it for all. */
export const recordChain: Chain = {
  name: 'record',
  rules: families.map((family) => ({ when: [], act: [{ do: 'record', family }] })),
};
const record: Rule = { when: [], act: [{ do: 'jump', chain: recordChain.name }] };

/** A reset carries no data, and lets both ends of a connection that is being cut learn of it. */
export const passResets: Rule = { when: [{ match: 'reset' }], act: [{ do: 'accept' }] };
/**
 * A reset answers who sent the packet. For what this host's own server sends that would be the server, whose end would
 * close with the caller none the wiser: it is lost instead, and the caller hears of it from the socket's destruction.
 */
const refuse: readonly Rule[] = [
  { when: [{ match: 'from-local' }], act: [{ do: 'drop' }] },
  { when: [], act: [{ do: 'reset' }] },
];

const denyChain: Chain = { name: 'deny_callers', rules: [passResets, record, ...refuse] };
const dropChain: Chain = { name: 'drop_callers', rules: [record, { when: [], act: [{ do: 'drop' }] }] };

/** The chains that all services share. */
export const refusalChains: readonly Chain[] = [recordChain, denyChain, dropChain];

/** Steered callers of a service get through where NAT has sent them to the gate, and nowhere else. */
export function gatedChain({ id, gatePort }: ProtectedService): Chain {
  const way = (side: 'source' | 'destination', direction: 'original' | 'reply'): Rule[] => {
    if (gatePort === undefined) return [];
    const when: Match[] = [
      { match: 'port', side, port: gatePort },
      { match: 'translated', direction },
    ];
    return [{ when, act: [{ do: 'accept' }] }];
  };
  return {
    name: `gated_${id}`,
    rules: [passResets, ...way('destination', 'original'), ...way('source', 'reply'), ...refuse],
  };
}

/** How a rule ends that has found a packet's verdict. */
export function verdictStatement(verdict: Verdict, service: ProtectedService): Statement {
  switch (verdict) {
    case 'pass':
      return { do: 'accept' };
    case 'deny':
      return { do: 'goto', chain: denyChain.name };
    case 'drop':
      return { do: 'goto', chain: dropChain.name };
    case 'steer':
      return { do: 'goto', chain: gatedChain(service).name };
  }
}
