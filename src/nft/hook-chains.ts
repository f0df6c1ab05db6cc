// The chains that the kernel calls, and the one by which they find a packet's service.
import { families } from './intervals.ts';
import { type Chain, type Counter, gatePortSet, type Match, type Rule } from './table.ts';

const loopback = (side: 'in' | 'out'): Rule => ({
  when: [{ match: 'loopback', side }],
  act: [{ do: 'accept' }],
});
/** Finds the service of a packet: by its own addresses, else by the connection's destination before NAT. */
export function judgeChain(): Chain {
  const rules: Rule[] = [];
  for (const family of families) {
    rules.push({ when: [], act: [{ do: 'lookup', key: { key: 'to', family }, map: `to${family}` }] });
    rules.push({ when: [], act: [{ do: 'lookup', key: { key: 'from', family }, map: `from${family}` }] });
  }
  for (const family of families) {
    for (const [direction, kind] of [
      ['original', 'to'],
      ['reply', 'from'],
    ] as const) {
      rules.push({
        when: [{ match: 'translated', direction }],
        act: [{ do: 'lookup', key: { key: 'original', family }, map: `${kind}${family}` }],
      });
    }
  }
  return { name: 'judge', rules };
}

/** Where connections go that are sent to another host's gate. */
export const masqueradeChain: Chain = {
  name: 'as_this_host',
  rules: [{ when: [{ match: 'translated', direction: 'original' }], act: [{ do: 'masquerade' }] }],
};

export const loopbackCounter: Counter = {
  name: 'loopback_refused',
  comment: 'refused: from elsewhere to a loopback address',
};

/** Before any NAT: what is sent on to a loopback address by this host's own rules was not sent there by its caller. */
export const loopbackGuard: Chain = {
  name: 'loopback_guard',
  base: { type: 'filter', hook: 'prerouting', priority: 'raw - 10' },
  rules: families.map((family) => ({
    when: [{ match: 'foreign-to-loopback', family }],
    act: [{ do: 'count', counter: loopbackCounter.name }, { do: 'drop' }],
  })),
};

export const strayCounter: Counter = {
  name: 'gate_stray',
  comment: 'refused: the gate to anywhere but its servers',
};

/** Where the gate may connect to: `upstreams4` and `upstreams6` lead there. */
export const gateMay: Chain = { name: 'gate_may', rules: [{ when: [], act: [{ do: 'accept' }] }] };

/** Whoever took over a process that meets callers could reach the servers of the gate and nothing else, by no protocol. */
export function gateGuard(uid: number): Chain {
  const opens: Match = { match: 'opens', uid };
  const stray = { do: 'count', counter: strayCounter.name } as const;
  return {
    name: 'gate_guard',
    base: { type: 'filter', hook: 'output', priority: 'filter - 11' },
    rules: [
      ...families.map(
        (family): Rule => ({
          when: [opens],
          act: [{ do: 'lookup', key: { key: 'to', family }, map: `upstreams${family}` }],
        }),
      ),
      { when: [opens], act: [stray, { do: 'reset' }] },
      { when: [{ match: 'sends-other', uid }], act: [stray, { do: 'drop' }] },
    ],
  };
}

const challenges: readonly Match[] = families.map((family) => ({ match: 'challenge', family }));

/** What the agent sends in the name of an end belongs to no connection of conntrack's, and must not begin one. */
export const challengeChain: Chain = {
  name: 'challenge',
  base: { type: 'filter', hook: 'output', priority: 'raw' },
  rules: challenges.map((when) => ({ when: [when], act: [{ do: 'untrack' }] })),
};

/** `hasGates`: does any service have a gate on this host, whose port is to be guarded? */
export function baseChains(hasGates: boolean): Chain[] {
  // Before other filters, and before kube-proxy's NAT: of several NAT rules for a connection the first one counts.
  const filter = (hook: 'input' | 'forward' | 'output') =>
    ({ type: 'filter', hook, priority: 'filter - 10' }) as const;
  const judge: Rule = { when: [], act: [{ do: 'jump', chain: 'judge' }] };
  const lookup = (key: 'to-port' | 'from-port' | 'original-port', map: string, when: Match[] = []): Rule => ({
    when,
    act: [{ do: 'lookup', key: { key }, map }],
  });
  const gateInput: Rule[] = [];
  const gateOutput: Rule[] = [];
  if (hasGates) {
    const to: Match = { match: 'ports', side: 'destination', set: gatePortSet };
    const from: Match = { match: 'ports', side: 'source', set: gatePortSet };
    gateInput.push(
      lookup('original-port', 'local_to', [to, { match: 'translated', direction: 'original' }]),
      lookup('to-port', 'gate_to'),
    );
    gateOutput.push(
      lookup('original-port', 'local_from', [from, { match: 'translated', direction: 'reply' }]),
      lookup('from-port', 'gate_from'),
    );
  }
  return [
    {
      // It stands even when nobody is steered: without a NAT chain the kernel stops translating the packets of
      // connections that already go through a gate.
      name: 'prerouting',
      base: { type: 'nat', hook: 'prerouting', priority: 'dstnat - 10' },
      rules: [
        loopback('in'),
        ...families.map(
          (family): Rule => ({
            when: [],
            act: [{ do: 'lookup', key: { key: 'to', family }, map: `steer${family}` }],
          }),
        ),
        lookup('to-port', 'local_steer', [{ match: 'local' }]),
      ],
    },
    {
      name: 'input',
      base: filter('input'),
      rules: [loopback('in'), judge, lookup('to-port', 'local_to'), ...gateInput],
    },
    { name: 'forward', base: filter('forward'), rules: [judge] },
    {
      name: 'postrouting',
      base: { type: 'nat', hook: 'postrouting', priority: 'srcnat - 10' },
      rules: families.map(
        (family): Rule => ({
          when: [],
          act: [{ do: 'lookup', key: { key: 'to', family }, map: `gates${family}` }],
        }),
      ),
    },
    {
      name: 'output',
      base: filter('output'),
      rules: [
        loopback('out'),
        // To ends that are refused, by design. The mark is anybody's who may set one: an empty segment carries nothing, and
        // whatever answers it is judged.
        ...challenges.map((when): Rule => ({ when: [when], act: [{ do: 'accept' }] })),
        judge,
        lookup('from-port', 'local_from'),
        ...gateOutput,
      ],
    },
  ];
}
