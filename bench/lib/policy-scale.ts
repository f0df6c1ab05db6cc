// Policies of many addresses and rules: compiled, loaded, changed by one tag; their memory in the kernel.
import { readFileSync } from 'node:fs';
import { type Applied, applyPlan } from '../../src/agent/apply.ts';
import { removeTable } from '../../src/agent/kernel-table.ts';
import { Inventory } from '../../src/model/inventory.ts';
import type { AgentPlan } from '../../src/model/plan.ts';
import { Policy } from '../../src/model/policy.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type AgentPlanBody, compile } from '../../src/policy/compile.ts';
import { makeWorld } from '../../test/kernel/world.ts';
import { median } from './processes.ts';
import { type Row, row } from './rows.ts';

export type Sized = { readonly addresses: number; readonly rules: number };

const quickSizes: readonly Sized[] = [
  { addresses: 1_000, rules: 100 },
  { addresses: 10_000, rules: 1_000 },
  { addresses: 100_000, rules: 1_000 },
];
const allSizes = [1_000, 10_000, 100_000].flatMap((addresses) =>
  [100, 1_000, 10_000].map((rules) => ({ addresses, rules })),
);

/**
 * One server at 10.0.0.1; groups of addresses none of which touch, a rule for each group, passed and refused in turns. With
 * more rules than addresses, those that are left over select nobody.
 */
export function inventoryOf({ addresses, rules }: Sized, movingTo = 0): Inventory {
  const groups = Math.min(addresses, rules);
  const each = addresses / groups;
  const address = (n: number) => `20.${(n * 2) >> 16}.${((n * 2) >> 8) & 255}.${(n * 2) & 255}`;
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab' }],
    hosts: [
      { name: 'cp', cluster: 'lab', addresses: ['10.0.0.1', '2001:db8::1'], tags: ['tier=control-plane'] },
    ],
    servers: [{ name: 'lab/api', cluster: 'lab', host: 'cp', address: '10.0.0.1' }],
    groups: [
      ...Array.from({ length: groups }, (_, group) => ({
        name: `g${group}`,
        addresses: Array.from({ length: each }, (__, i) => address(group * each + i)),
        tags: [`label=g${group}`],
      })),
      { name: 'moving', addresses: ['30.0.0.1'], tags: [`label=g${movingTo}`] },
    ],
  });
}

export function policyOf(rules: number, action: (rule: number) => string): Policy {
  return Policy.parse({
    apiVersion: 'portcullis/v1',
    rules: Array.from({ length: rules }, (_, rule) => ({
      id: `r${rule}`,
      from: `label=g${rule}`,
      to: 'any',
      action: action(rule),
    })),
  });
}

export function bodyOf(inventory: Inventory, policy: Policy): AgentPlanBody {
  const input = {
    inventory,
    policy,
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [],
    probers: [],
  };
  const body = compile(input).agents.get('cp');
  if (!body) throw new Error('no plan');
  return body;
}

export function planOf(body: AgentPlanBody, generation: number): AgentPlan {
  return { ...body, generation, issuedAt: '2024-01-01T00:00:00.000Z' };
}

export async function scale(quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  const rounds = quick ? 3 : 7;
  for (const size of quick ? quickSizes : allSizes) {
    await using world = await makeWorld();
    const kernel = { run: world.run, clock: systemClock };
    const name = `${size.addresses} addresses, ${size.rules} rules`;
    const policy = policyOf(size.rules, (rule) => (rule % 2 === 0 ? 'pass' : 'deny'));
    const compiles: number[] = [];
    const loads: number[] = [];
    const sums: number[] = [];
    let memory = 0;
    let applied: Applied | undefined;
    let inventory = inventoryOf(size);
    for (let round = 0; round < rounds; round += 1) {
      await removeTable(world.run);
      // Made anew: nothing of it is remembered from the round before.
      inventory = inventoryOf(size);
      const before = kernelMemory();
      const began = performance.now();
      const body = bodyOf(inventory, policy);
      const compiled = performance.now() - began;
      applied = await applyPlan(kernel, planOf(body, 1));
      memory = Math.max(memory, kernelMemory() - before);
      compiles.push(compiled);
      loads.push(applied.inKernelMs);
      sums.push(compiled + applied.inKernelMs);
    }
    rows.push(
      row('compile', name, 'ms', median(compiles)),
      row('load into the kernel', name, 'ms', median(loads)),
      row('compile and load', name, 'ms', median(sums)),
      row('memory in the kernel', name, 'MiB', memory),
    );
    const changes: number[][] = [[], [], []];
    for (let round = 0; round < rounds * 3; round += 1) {
      const moving = {
        name: 'moving',
        addresses: ['30.0.0.1'],
        tags: [`label=g${(round + 1) % size.rules}`],
      };
      inventory = { ...inventory, groups: [...inventory.groups.slice(0, -1), moving] };
      const began = performance.now();
      const body = bodyOf(inventory, policy);
      const compiled = performance.now() - began;
      applied = await applyPlan(kernel, planOf(body, round + 2), applied ? { former: applied } : {});
      if (applied.how !== 'changed') throw new Error('one tag replaced the whole table');
      const seen = [compiled, applied.inKernelMs, compiled + applied.inKernelMs];
      for (const [i, ms] of seen.entries()) changes[i]?.push(ms);
    }
    const [compiling, loading, both] = changes.map((each) => median(each));
    rows.push(
      row('one tag changed: compile', name, 'ms', compiling ?? 0),
      row('one tag changed: into the kernel', name, 'ms', loading ?? 0),
      row('one tag changed: both', name, 'ms', both ?? 0),
    );
    process.stderr.write(`  ${name}\n`);
  }
  return rows;
}

/** What the kernel has allocated for itself, MiB. Other work on the machine shows in it. */
function kernelMemory(): number {
  const info = readFileSync('/proc/meminfo', 'utf8');
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+([0-9]+)`, 'm').exec(info)?.[1] ?? 0);
  return (kib('Slab') + kib('VmallocUsed') + kib('Percpu')) / 1024;
}
