// Puts the documents that people write, inventory and policy, in force.
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../log/chain.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Policy } from '../model/policy.ts';
import { writtenRules } from '../policy/written-rules.ts';
import type { Core } from './core.ts';

/**
 * Puts an inventory, a policy, or both in force: together where they are given together, for each may need the other.
 * @throws Failure `bad-inventory`, or the compiler's; nothing is changed then
 */
export function putDocuments(
  core: Core,
  { inventory, policy }: { readonly inventory?: Inventory | undefined; readonly policy?: Policy | undefined },
  actor: string,
): void {
  const drafts: { kind: 'inventory' | 'policy'; text: string; summary: NewEntry['data'] }[] = [];
  if (inventory) {
    const names = (items: readonly { name: string }[]) => items.slice(0, 100).map((item) => item.name);
    const { clusters, servers, hosts, groups } = inventory;
    drafts.push({
      kind: 'inventory',
      text: canonicalJson(inventory),
      summary: {
        clusters: names(clusters),
        servers: names(servers),
        hosts: hosts.length,
        groups: groups.length,
      },
    });
  }
  if (policy) {
    const summary = {
      rules: writtenRules(policy).length,
      default: policy.default,
      response: policy.response,
    };
    drafts.push({ kind: 'policy', text: canonicalJson(policy), summary });
  }
  const fresh = drafts
    .map((draft) => ({ ...draft, document: sha256(draft.text) }))
    .filter(({ kind, document }) => core.state[kind] !== document);
  if (fresh.length === 0) return;
  core.decide(
    fresh.map(({ kind, document, summary }) => ({
      kind,
      actor,
      subject: kind,
      data: { document, ...summary },
    })),
    fresh.map(({ text }) => text),
  );
}
