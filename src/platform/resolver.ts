// Looks names up in DNS: the addresses of both families, and how long they hold.
import { Resolver } from 'node:dns/promises';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';

export type Resolved = {
  /** Canonical, ascending as text, each once. Empty for a name that has none, or that doesn't exist. */
  readonly addresses: readonly string[];
  /** Seconds that the answer holds; 0 where it doesn't say. */
  readonly ttl: number;
};

/**
 * @throws Failure `dns-failed` when a server doesn't answer, or refuses, for either family: half an answer would take
 *   addresses away. Rejects with the same when closed
 */
export type ResolveName = (name: string) => Promise<Resolved>;

/** A name with more addresses is no name for a rule. */
export const maxAddresses = 256;

/** Answers that say that there is no such address: RFC 2308's NXDOMAIN and NODATA. */
const none: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/** @param servers `ADDRESS` or `ADDRESS:PORT`; those of /etc/resolv.conf when empty */
export function openResolver(
  servers: readonly string[] = [],
  timeoutMs = 5_000,
): { readonly resolve: ResolveName; close(): void } {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  return {
    async resolve(name) {
      const options = { ttl: true } as const;
      const failed = (cause: NodeJS.ErrnoException) => {
        if (none.has(cause.code ?? '')) return [];
        throw new Failure('dns-failed', `DNS gives no answer for '${name}': ${cause.code ?? cause.message}`, {
          cause,
        });
      };
      const [four, six] = await Promise.all([
        resolver.resolve4(name, options).catch(failed),
        resolver.resolve6(name, options).catch(failed),
      ]);
      const answers = [...four, ...six];
      const addresses = [...new Set(answers.map(({ address }) => canonicalAddress(address)))].sort();
      if (addresses.length > maxAddresses) {
        throw new Failure(
          'dns-failed',
          `'${name}' has ${addresses.length} addresses, and at most ${maxAddresses} are taken`,
        );
      }
      return {
        addresses: addresses.filter((address) => !isUnusable(address)),
        ttl: answers.length === 0 ? 0 : Math.min(...answers.map(({ ttl }) => ttl)),
      };
    },
    close: () => resolver.cancel(),
  };
}

/** Unspecified, loopback, link-local and multicast addresses are no caller's from elsewhere; blockers answer with some. */
function isUnusable(address: string): boolean {
  return /^(0\.|127\.|169\.254\.|22[4-9]\.|23\d\.|255\.|fe[89ab]|ff|::1?$)/.test(address);
}
