// Deletes conntrack entries: of forwarded connections that are cut, and of cut sockets, which the kernel would remember.
// Every deletion walks the whole conntrack table, so few wide ones are better than one for each connection.
import { kernelRefused, type Runner } from './host.ts';
import type { Socket } from './sockets.ts';

/**
 * Forgets connections whose sockets were destroyed: the reset that this sent has put their entries into state CLOSE.
 * Until those time out, a caller who comes back from the same port would be taken for the old connection, and NAT, which
 * decides at a connection's first packet only, would not steer it. Other entries in that state are as dead.
 * @throws Failure `kernel-refused`
 */
export function forgetSockets(
  run: Runner,
  sockets: readonly Pick<Socket, 'local' | 'localPort'>[],
): Promise<void> {
  return deleteEntries(
    run,
    sockets.map(
      ({ local, localPort }) => `${familyOf(local)} -p tcp --state CLOSE --reply-port-src ${localPort}`,
    ),
  );
}

/**
 * `conntrack -D` ends with a failure when an entry expires, or makes room for a new connection, between being listed and
 * being deleted, and leaves the rest. Each attempt goes on where the one before ended.
 */
const attempts = 10;

/** Each filter is options of `conntrack -D`, without it; what matches none is fine. @throws Failure `kernel-refused` */
export async function deleteEntries(run: Runner, filters: readonly string[]): Promise<void> {
  if (filters.length === 0) return;
  const lines = [...new Set(filters)].map((filter) => `-D ${filter}\n`);
  for (let left = attempts; ; left -= 1) {
    // conntrack opens /dev/stdin by name, which works for a pipe but not for the socket that Node gives its children.
    const ran = await run('sh', ['-c', 'cat | conntrack -R -'], { input: lines.join('') });
    if (ran.code === 0) return;
    if (left === 1 || !expired.test(ran.stderr)) throw kernelRefused('conntrack', ran);
  }
}

const expired = /such conntrack doesn't exist/;

export function familyOf(address: string): string {
  return `-f ${address.includes(':') ? 'ipv6' : 'ipv4'}`;
}
