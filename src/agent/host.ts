// What an agent asks of its host: programs run on it, its addresses, and a conntrack that counts.
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { FailureCode } from '../base/failure-codes.ts';
import type { Ran } from '../platform/run.ts';

/** Runs a program, as platform/run does; tests run it inside a network namespace. */
export type Runner = (file: string, args: readonly string[], options?: { input?: string }) => Promise<Ran>;

/** A program's refusal as a Failure, with the first line that it printed. */
export function kernelRefused(what: string, ran: Ran, code: FailureCode = 'kernel-refused'): Failure {
  const line = ran.stderr.split('\n').find((each) => each.trim() !== '') ?? `exit code ${ran.code}`;
  return new Failure(code, `${what}: ${line.trim()}`);
}

/** Interfaces whose addresses are services of the cluster, held locally only so that IPVS and node-local DNS see them. */
const serviceInterfaces = new Set(['kube-ipvs0', 'nodelocaldns']);

/** Listings of addresses until one of them is of one moment, at most. */
const listings = 5;

/** The host's own addresses, loopback included, canonical text. @throws Failure `kernel-refused` */
export async function localAddresses(run: Runner): Promise<string[]> {
  let ran = await run('ip', ['-j', 'address', 'show']);
  // While a node's pods come and go, a listing may lack what was there all the time. `ip` says so, and calls it a success.
  for (let more = 1; more < listings && ran.stderr.includes('Dump was interrupted'); more += 1)
    ran = await run('ip', ['-j', 'address', 'show']);
  if (ran.code !== 0) throw kernelRefused('ip address', ran);
  const interfaces = JSON.parse(ran.stdout || '[]') as {
    ifname?: string;
    addr_info?: { local?: string }[];
  }[];
  return interfaces
    .filter((each) => !serviceInterfaces.has(each.ifname ?? ''))
    .flatMap((each) => each.addr_info ?? [])
    .flatMap(({ local }) => (local === undefined ? [] : parseCidr(local).text));
}

/**
 * Has conntrack count bytes and keep start times, for connections from now on. Both settings belong to the network
 * namespace. Answers what could not be set: enforcement doesn't depend on it.
 */
export async function countConnections(run: Runner): Promise<string[]> {
  const refused: string[] = [];
  for (const name of ['nf_conntrack_acct', 'nf_conntrack_timestamp']) {
    const ran = await run('tee', [`/proc/sys/net/netfilter/${name}`], { input: '1\n' });
    if (ran.code !== 0) refused.push(name);
  }
  return refused;
}
