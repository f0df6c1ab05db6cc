// Renders what one protected server's rules come to as the policy of a network that already enforces some, and lists what
// such a policy can't say. Closed where it can't: callers that would be steered to a gate are left out.
import type { ExportAnswer, ExportTarget } from '../../model/export.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { ProtectedService } from '../../model/plan.ts';
import type { WrittenRule } from '../written-rules.ts';
import { calico } from './calico.ts';
import { cilium } from './cilium.ts';
import { networkPolicy } from './networkpolicy.ts';

export type ExportInput = {
  readonly service: ProtectedService;
  readonly server: Inventory['servers'][number];
  /** Addresses of the host that it runs on. */
  readonly hostAddresses: readonly string[];
  /** People's rules that are in force. */
  readonly written: readonly WrittenRule[];
};

/** One target: its objects, and what is lost on the way to it beside what every target loses. */
export type Exporter = {
  readonly objects: (input: ExportInput) => readonly Record<string, unknown>[];
  readonly cannot: (input: ExportInput) => ExportAnswer['cannot'];
};

const exporters: Readonly<Record<ExportTarget, Exporter>> = { networkpolicy: networkPolicy, calico, cilium };

export function exportPolicy(to: ExportTarget, inputs: readonly ExportInput[]): ExportAnswer {
  const { objects, cannot } = exporters[to];
  const lost = new Map<string, ExportAnswer['cannot'][number]>();
  for (const input of inputs)
    for (const one of [...common(input), ...cannot(input)]) lost.set(`${one.what} ${one.why}`, one);
  return { objects: inputs.flatMap((input) => [...objects(input)]), cannot: [...lost.values()] };
}

function common({ service, written }: ExportInput): ExportAnswer['cannot'] {
  const lost: ExportAnswer['cannot'] = [
    {
      what: 'tags, groups and DNS names',
      why: 'rendered as the addresses that they are now: export again when the inventory changes',
    },
    {
      what: 'open connections',
      why: 'only new ones are judged: those that a change forbids go on until they end',
    },
    {
      what: 'every other way to the server',
      why: 'judged where it arrives, behind load balancers and service addresses: callers hidden there count as who hides them',
    },
  ];
  const steered = service.rules.filter(({ verdict }) => verdict === 'steer').map(({ id }) => id);
  if (service.default === 'steer') steered.push('default');
  for (const id of steered)
    lost.push({
      what: `rule ${id} of server ${service.server}`,
      why: 'steer: no gate can be named, so its callers are closed out',
    });
  if (service.default === 'deny' || service.rules.some(({ verdict }) => verdict === 'deny'))
    lost.push({ what: 'deny', why: 'a reset tells a caller at once; here packets are dropped in silence' });
  for (const { rule } of written) {
    if (rule.expires === undefined) continue;
    lost.push({ what: `rule policy/${rule.id}`, why: `it expires at ${rule.expires}: export again then` });
  }
  if (service.rules.some(({ log }) => log))
    lost.push({
      what: 'session records',
      why: 'who called whom, by which rule, with how many bytes, is not recorded',
    });
  return lost;
}
