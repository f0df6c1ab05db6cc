// portcullis inventory apply, portcullis policy apply
import { stringify } from 'yaml';
import { Failure } from '../base/failure.ts';
import { readDocument } from '../model/document.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { readText } from '../platform/files.ts';
import { writtenRules } from '../policy/written-rules.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';

const details =
  'The whole file is taken or, when anything is wrong with it, refused with the place; then nothing changes.';

export const inventoryApply: Command = {
  name: 'inventory apply',
  summary: 'replace the inventory with the one in a YAML file',
  usage: 'FILE',
  details,
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const file = context.args[0] ?? '';
    const inventory = readDocument(Inventory, readText(file), file, 'bad-inventory');
    await inFile(file, () => withAdmin(context, (admin) => admin.putInventory(inventory)));
    const counts = {
      servers: inventory.servers.length,
      hosts: inventory.hosts.length,
      groups: inventory.groups.length,
    };
    context.print(
      context.json
        ? JSON.stringify({ ok: true, ...counts })
        : `inventory: ${counts.servers} servers, ${counts.hosts} hosts, ${counts.groups} groups`,
    );
    return 0;
  },
};

export const inventoryShow: Command = {
  name: 'inventory show',
  summary: 'print the inventory in force, with what imports own in it',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const inventory = await withAdmin(context, (admin) => admin.inventory());
    context.print(
      context.json
        ? JSON.stringify(inventory)
        : stringify(inventory, { aliasDuplicateObjects: false }).trimEnd(),
    );
    return 0;
  },
};

export const policyApply: Command = {
  name: 'policy apply',
  summary: 'replace the policy with the one in a YAML file',
  usage: 'FILE',
  details,
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const file = context.args[0] ?? '';
    const policy = readDocument(Policy, readText(file), file, 'bad-policy');
    const rules = writtenRules(policy).length;
    await inFile(file, () => withAdmin(context, (admin) => admin.putPolicy(policy)));
    context.print(context.json ? JSON.stringify({ ok: true, rules }) : `policy: ${rules} rules`);
    return 0;
  },
};

/** Names the file before the field that the controller found at fault. */
async function inFile(file: string, send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof Failure) || error.place === undefined || !refusals.has(error.code)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new Failure(error.code, error.message, {
      place: `${file}: ${error.place}`,
      ...hint,
      pointer: error.pointer,
      cause: error,
    });
  }
}

/** Of the controller about a document: the compiler's codes. */
const refusals = new Set(['bad-inventory', 'bad-policy', 'bad-expression', 'unknown-name', 'plan-locks-out']);
