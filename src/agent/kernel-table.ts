// The private table as it stands in the kernel: replaced, read back, removed. The only file that runs `nft` on it.
import { Failure } from '../base/failure.ts';
import { renderRemoval } from '../nft/render.ts';
import { gatePortSet, generationChain, tableName } from '../nft/table.ts';
import { kernelRefused, type Runner } from './host.ts';

/** Replaces the table in one transaction. @throws Failure `kernel-refused`; then the former table stands */
export async function replaceTable(run: Runner, script: string): Promise<void> {
  const ran = await run('nft', ['-f', '-'], { input: script });
  if (ran.code !== 0) throw kernelRefused('nft', ran);
}

/** Deletes the table and everything in it; no error when there is none. @throws Failure `kernel-refused` */
export function removeTable(run: Runner): Promise<void> {
  return replaceTable(run, renderRemoval());
}

export type StandingTable = {
  readonly generation: number;
  /** Names of its chains. */
  readonly chains: readonly string[];
};

/** The names of the chains that stand; undefined when there is no table. @throws Failure `kernel-refused` */
export async function readTable(run: Runner): Promise<StandingTable | undefined> {
  const chains = await chainNames(run);
  if (chains.length === 0) return undefined;
  const generation = chains.find((name) => name.startsWith(generationChain))?.slice(generationChain.length);
  return { generation: Number(generation ?? 0), chains };
}

async function chainNames(run: Runner): Promise<string[]> {
  const names: string[] = [];
  for (const item of await listJson(run, ['list', 'chains', 'inet'])) {
    const chain = item['chain'] as { table: string; name: string } | undefined;
    if (chain?.table === tableName) names.push(chain.name);
  }
  return names;
}

/**
 * The whole table as nft lists it, without counts; undefined when there is none. It takes 2 s for 100,000 addresses.
 * @throws Failure `kernel-refused`
 */
export async function listTable(run: Runner): Promise<string | undefined> {
  const ran = await run('nft', ['-s', 'list', 'table', 'inet', tableName]);
  if (ran.code === 0) return ran.stdout;
  if (/No such file or directory/.test(ran.stderr)) return undefined;
  throw kernelRefused('nft', ran);
}

/** Packets and bytes by counter name. Empty when there is no table. */
export async function readCounters(run: Runner): Promise<Map<string, { packets: number; bytes: number }>> {
  const counters = new Map<string, { packets: number; bytes: number }>();
  for (const item of await listJson(run, ['list', 'counters', 'table', 'inet', tableName])) {
    const counter = item['counter'] as { name: string; packets: number; bytes: number } | undefined;
    if (counter) counters.set(counter.name, { packets: counter.packets, bytes: counter.bytes });
  }
  return counters;
}

/** A refused caller as the table recorded it, with the packets and bytes refused so far. */
export type DeniedElement = {
  readonly caller: string;
  readonly address: string;
  readonly port: number;
  readonly packets: number;
  readonly bytes: number;
};

/** The refused callers that the table holds, both families. Empty when there is no table. */
export async function readDenied(run: Runner): Promise<DeniedElement[]> {
  const out: DeniedElement[] = [];
  const listed = await Promise.all(
    ['denied4', 'denied6'].map((set) => listJson(run, ['list', 'set', 'inet', tableName, set])),
  );
  for (const item of listed.flat()) {
    const set = item['set'] as { elem?: unknown[] } | undefined;
    for (const element of set?.elem ?? []) {
      const { val, counter } = (element as { elem?: { val?: unknown; counter?: unknown } }).elem ?? {};
      const key = (val as { concat?: unknown[] } | undefined)?.concat ?? [];
      const { packets, bytes } = (counter ?? {}) as { packets?: number; bytes?: number };
      const [caller, address, port] = key;
      if (typeof caller !== 'string' || typeof address !== 'string' || typeof port !== 'number') continue;
      out.push({ caller, address, port, packets: packets ?? 0, bytes: bytes ?? 0 });
    }
  }
  return out;
}

async function listJson(run: Runner, args: readonly string[]): Promise<Record<string, unknown>[]> {
  const ran = await run('nft', ['-j', ...args]);
  if (ran.code !== 0) {
    if (/No such file or directory/.test(ran.stderr)) return [];
    throw kernelRefused('nft', ran);
  }
  try {
    return (JSON.parse(ran.stdout) as { nftables: Record<string, unknown>[] }).nftables;
  } catch (cause) {
    throw new Failure('kernel-refused', 'nft printed no JSON', { cause });
  }
}

/** The gate ports that the table knows. Empty when there is no table, or no gate in it. */
export async function readGatePorts(run: Runner): Promise<number[]> {
  const items = await listJson(run, ['list', 'set', 'inet', tableName, gatePortSet]);
  return items.flatMap((item) => {
    const set = item['set'] as { elem?: unknown[] } | undefined;
    return (set?.elem ?? []).filter((element) => typeof element === 'number');
  });
}
