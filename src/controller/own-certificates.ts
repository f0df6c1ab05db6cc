// The certificates that the controller itself shows and uses, its server's and its admin's: made anew in time, at a start and while
// it runs.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Endpoint } from '../model/common.ts';
import { readIdentity, validityOf, writeIdentity } from '../platform/identity.ts';
import { fingerprint, type KeyPair } from '../platform/pki.ts';
import type { Authority } from './authority.ts';
import type { Core } from './core.ts';
import { issued } from './identities.ts';
import { workerKey } from './state.ts';

/** Renewed when it has less left than this: more than `status` warns of. */
const adminLeftMs = 60 * 86_400_000;
/** Of a server certificate's life. */
const serverLeft = 1 / 3;
const lookMs = 3_600_000;

export type ServerCertificate = {
  /** What the server shows now. */
  readonly identity: KeyPair;
  /** A fresh one for `use` when it is time. */
  renew(use: (identity: KeyPair) => void): Promise<void>;
};

export async function openServerCertificate(
  authority: Authority,
  names: readonly string[],
  clock: Clock,
): Promise<ServerCertificate> {
  let identity = await authority.serverIdentity(names);
  return {
    get identity() {
      return identity;
    },
    async renew(use) {
      const { from, until } = validityOf(identity.certificate);
      if (until - clock.now() > (until - from) * serverLeft) return;
      identity = await authority.serverIdentity(names);
      use(identity);
    },
  };
}

/** Runs `renew` now and then, on a timer of the caller's; what fails is noted and tried again at the next look. */
export function createLooks(
  clock: Clock,
  renew: () => Promise<void>,
  note: (line: string) => void,
): () => void {
  let next = clock.mono() + lookMs;
  return () => {
    if (clock.mono() < next) return;
    next = clock.mono() + lookMs;
    renew().catch((error) => note(`the controller's own certificates were not renewed: ${error}`));
  };
}

/** Makes the admin identity when there is none, renews it in time, and keeps the controller's address in it. */
export async function keepAdmin(
  core: Core,
  authority: Authority,
  dataDir: string,
  endpoint: Endpoint,
): Promise<void> {
  const { address, port } = endpoint;
  const host = address === '::' ? '::1' : address === '0.0.0.0' ? '127.0.0.1' : address;
  const controller = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const folder = join(dataDir, 'admin');
  const known = core.state.identities.get(workerKey('admin', 'admin'));
  if (known && existsSync(join(folder, 'identity.json'))) {
    const present = readIdentity(folder);
    const isKnown = fingerprint(present.certificate) === known.certificate;
    // One that ends with the authority can't be made to last longer.
    const lasts = Math.min(core.clock.now() + adminLeftMs, authority.ends - lookMs);
    if (isKnown && known.expires > lasts) {
      if (present.controller !== controller) writeIdentity(folder, { ...present, controller });
      return;
    }
  }
  const data = issued('admin', 'admin', await authority.writeAdmin(dataDir, controller));
  core.record([{ kind: 'enrolled', actor: 'controller', subject: 'admin', data }]);
}
