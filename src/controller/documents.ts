// Puts the documents that people write, inventory and policy, in force.
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../log/chain.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Policy } from '../model/policy.ts';
import { keepImported } from '../policy/import-merge.ts';
import { tagChanges } from '../policy/tag-changes.ts';
import type { Core } from './core.ts';
import { policyEntries, requireDirect } from './policy-commits.ts';

/**
 * Puts an inventory, a policy, or both in force: together where they are given together, for each may need the other.
 * @throws Failure `bad-inventory`, or the compiler's; nothing is changed then
 */
export function putDocuments(
  core: Core,
  {
    inventory: given,
    policy,
  }: { readonly inventory?: Inventory | undefined; readonly policy?: Policy | undefined },
  actor: string,
): void {
  const entries: NewEntry[] = [];
  const texts: string[] = [];
  const inventory = given && keepImported(core.inventory(), given);
  const made =
    policy && policyEntries(core, policy, actor, { how: actor === 'controller' ? 'file' : 'apply' });
  addInventory(core, inventory, actor, {}, entries, texts);
  if (made && core.state.policy !== made.document) {
    entries.push(...made.entries);
    texts.push(made.text);
  }
  if (entries.length > 0) core.decide(entries, texts);
}

/** Puts in force what an import made of the inventory in force. @throws Failure `bad-inventory`, or the compiler's */
export function putImported(core: Core, inventory: Inventory, actor: string, source: string): void {
  const entries: NewEntry[] = [];
  const texts: string[] = [];
  addInventory(core, inventory, actor, { source }, entries, texts);
  if (entries.length > 0) core.decide(entries, texts);
}

/** The entry of a new inventory with its documents: itself, and what it changes in tags. */
function addInventory(
  core: Core,
  inventory: Inventory | undefined,
  actor: string,
  more: Record<string, string>,
  entries: NewEntry[],
  texts: string[],
): void {
  const text = inventory && canonicalJson(inventory);
  // Read again at a start, the file that the inventory in force came from doesn't undo the tags that were set since.
  const untouched = core.state.retagged.size === 0 || actor === 'controller';
  if (inventory && text !== undefined && !(untouched && core.state.inventory === sha256(text))) {
    const names = (items: readonly { name: string }[]) => items.slice(0, 100).map((item) => item.name);
    const { clusters, servers, hosts, groups } = inventory;
    const changes = canonicalJson(tagChanges(core.inventory(), inventory));
    const data = {
      document: sha256(text),
      changes: sha256(changes),
      ...more,
      clusters: names(clusters),
      servers: names(servers),
      hosts: hosts.length,
      groups: groups.length,
    };
    entries.push({ kind: 'inventory', actor, subject: 'inventory', data });
    texts.push(text, changes);
  }
}

/**
 * Puts a person's whole policy in force, without a draft.
 * @throws Failure `approval-required`, `unconfirmed`, or the compiler's; nothing is changed then
 */
export function applyPolicy(core: Core, policy: Policy, person: string): void {
  if (core.state.policy === sha256(canonicalJson(policy))) return;
  requireDirect(core);
  putDocuments(core, { policy }, person);
}

/**
 * The policy of the controller's file, when it is to be put in force: once for each text. What was committed since it
 * was read last is not undone by a restart. @param note takes a line when it is left
 */
export function fromFile(
  core: Core,
  policy: Policy | undefined,
  note: (line: string) => void,
): Policy | undefined {
  if (!policy) return undefined;
  const { file, commits, unconfirmed } = core.state.lifecycle;
  const document = sha256(canonicalJson(policy));
  if (document === core.state.policy) return undefined;
  const last = commits.at(-1);
  const inForce = last && `generation ${last.generation} by ${last.by}`;
  if (document === file) {
    note(`the policy file is as it was read before; ${inForce} came after it and stays in force`);
    return undefined;
  }
  if (!last || (core.policy().approval !== 'required' && !unconfirmed)) return policy;
  note(
    `warning: the policy file is not put in force: ${inForce} ${unconfirmed ? 'waits to be confirmed' : 'asks for an approval'}; make a draft of the file`,
  );
  return undefined;
}
