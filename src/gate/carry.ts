// What a server's identity mode means for its connections: which fields carry a verified caller, under what credential.
import { Failure } from '../base/failure.ts';
import type { Carriage, ConnectionSettings, Identity } from '../inspect/connection-types.ts';
import { defaultIdentity } from '../model/identity.ts';
import type { GateListener } from '../model/plan.ts';
import type { ServedMaterial } from './identity-files.ts';
import type { UpstreamCredentials, UpstreamMode } from './upstream.ts';

export type Carry = {
  readonly settings: Pick<ConnectionSettings, 'identityFields' | 'carriage' | 'refuseImpersonation'>;
  readonly upstream: UpstreamCredentials;
  /** Else callers with a client certificate are refused. */
  readonly takesCertificates: boolean;
  /** Is a certificate's fingerprint carried? */
  readonly credentialId: boolean;
};

/** The gate's token of one server, for connections of every generation: it is exchanged while they are open. */
export type TokenHolder = { authorization: string };

/**
 * @param also names, beside the plan's, that the gate was told of
 * @throws Failure `no-credential` when the files that the mode needs were not given, `bad-plan`
 */
export function carryOf(
  listener: GateListener,
  material: ServedMaterial,
  also: readonly string[],
  holder: TokenHolder,
): Carry {
  const identity = listener.identity ?? defaultIdentity;
  const { headers, mode } = identity;
  const carriage = carriageOf(mode, material, holder, listener.server);
  return {
    settings: {
      identityFields: { ...headers, also: [...headers.also, ...also] },
      carriage,
      refuseImpersonation:
        (identity.callerImpersonation ?? (mode === 'impersonation' ? 'refuse' : 'carry')) === 'refuse',
    },
    upstream: {
      serverCa: material.serverCa,
      client: carriage.how === 'impersonation' ? material.impersonation : material.frontProxy,
    },
    takesCertificates: mode !== 'bearer',
    credentialId: identity.credentialId,
  };
}

/** Who brings no verified certificate gets a connection without one of the gate's. */
export function upstreamMode(identity: Identity): UpstreamMode {
  return identity.method === 'certificate' ? 'vouching' : 'bare';
}

function carriageOf(
  mode: NonNullable<GateListener['identity']>['mode'],
  material: ServedMaterial,
  holder: TokenHolder,
  server: string,
): Carriage {
  if (mode === 'l4') {
    throw new Failure('bad-plan', `server '${server}' is not to be inspected (mode l4), and has a listener`);
  }
  if (mode === 'impersonation') {
    if (material.impersonation) return { how: 'impersonation' };
    if (material.impersonationToken === undefined) throw noCredential(server, mode, 'impersonation');
    holder.authorization = `Bearer ${material.impersonationToken}`;
    return { how: 'impersonation', credential: holder };
  }
  if (mode === 'front-proxy' && !material.frontProxy) throw noCredential(server, mode, 'front-proxy');
  return { how: 'front-proxy' };
}

function noCredential(server: string, mode: string, kind: 'impersonation' | 'front-proxy'): Failure {
  return new Failure(
    'no-credential',
    `server '${server}' is in mode ${mode}, and the gate has no credential for it`,
    {
      hint:
        kind === 'impersonation'
          ? 'start the gate with --impersonation-token, or --impersonation-cert and --impersonation-key'
          : 'start the gate with --front-proxy-cert and --front-proxy-key, or choose another mode (docs/identity.md)',
    },
  );
}
