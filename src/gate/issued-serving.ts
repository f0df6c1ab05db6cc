// Serving certificates that the gate issues itself, from a CA that its operator gave it: short-lived, and renewed while
// connections go on. For servers whose own key can't be had.
import type { GatePlan } from '../model/plan.ts';
import { issue } from '../platform/pki.ts';
import { type IdentityFiles, readSigningPair } from './identity-files.ts';

/** A certificate is good for a day, and followed by the next when half of it has gone. */
const lifetimeDays = 1;
const renewMs = (lifetimeDays * 86_400_000) / 2;

export type ServingIssuer = {
  /** The same files, with a certificate for these names when they name a CA. @throws Failure of the CA's files */
  filesFor(files: IdentityFiles, names: readonly string[]): Promise<IdentityFiles>;
  /** What the plan's servers need is issued, or issued anew where it is due. @throws as filesFor */
  prepare(plan: Pick<GatePlan, 'listeners'>): Promise<void>;
  /** A server's files as last prepared. */
  filesOf(server: string): IdentityFiles;
};

type Issued = { readonly of: string; readonly at: number; readonly files: IdentityFiles };

/** `now` is milliseconds since the epoch. */
export function createServingIssuer(
  given: (server: string) => IdentityFiles,
  now: () => number,
): ServingIssuer {
  const issued = new Map<string, Issued>();
  let prepared = new Map<string, IdentityFiles>();

  async function filesFor(files: IdentityFiles, names: readonly string[]): Promise<IdentityFiles> {
    if (!files.servingCa) return files;
    const { certificate, key: keyPath } = files.servingCa;
    const authority = readSigningPair(certificate, keyPath, now());
    const key = JSON.stringify([files.servingCa, files.clientCa, files.serverCa, names]);
    const known = issued.get(key);
    if (known && known.of === authority.certificate && now() - known.at < renewMs) return known.files;
    const pair = await issue(authority, {
      subject: { commonName: names[0] ?? 'portcullis gate' },
      use: ['server'],
      names,
      days: lifetimeDays,
    });
    const served = {
      ...files,
      issued: { certificate: pair.certificate + authority.certificate, key: pair.key },
    };
    issued.set(key, { of: authority.certificate, at: now(), files: served });
    return served;
  }

  return {
    filesFor,
    async prepare({ listeners }) {
      const next = new Map<string, IdentityFiles>();
      for (const { server, names, upstream } of listeners) {
        next.set(server, await filesFor(given(server), names ?? [upstream.serverName]));
      }
      prepared = next;
    },
    filesOf: (server) => prepared.get(server) ?? given(server),
  };
}
