// How a caller's identity reaches one API server through the gate (docs/identity.md says which mode to choose).
import { z } from 'zod';

/**
 * front-proxy    client certificates become X-Remote-* under the front-proxy certificate; tokens pass untouched
 * impersonation  client certificates become Impersonate-* under a credential of the gate's; tokens pass untouched
 * bearer         tokens pass untouched; client certificates are refused
 * l4             nothing is terminated: the server is recorded and policed by address only
 */
export const IdentityMode = z.enum(['front-proxy', 'impersonation', 'bearer', 'l4']);
export type IdentityMode = z.infer<typeof IdentityMode>;

/** A header field's name (RFC 9110 5.1), lower case. */
const FieldName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'a header name');

/** Names that the server reads identity from, as its `--requestheader-*` flags say. */
export const IdentityHeaders = z.strictObject({
  user: FieldName.default('x-remote-user'),
  group: FieldName.default('x-remote-group'),
  extraPrefix: FieldName.default('x-remote-extra-'),
  /** `--requestheader-uid-headers` (v1.32 and later): no server reads a UID unless it is told the name. */
  uid: FieldName.optional(),
  /** Further names that it reads identity from, or prefixes, which end in `-`: a caller's are taken out. */
  also: z.array(FieldName).default([]),
});
export type IdentityHeaders = z.infer<typeof IdentityHeaders>;

export const ServerIdentity = z.strictObject({
  mode: IdentityMode.default('front-proxy'),
  headers: IdentityHeaders.prefault({}),
  /**
   * A caller's own Impersonate-* fields. `carry`: they go on, for the server to check against the caller's rights.
   * Left out: carry, but refuse in mode impersonation, where a caller with a certificate is always refused them: the
   * server would check them against the gate's rights.
   */
  callerImpersonation: z.enum(['carry', 'refuse']).optional(),
  /** Carry the certificate's fingerprint as servers from v1.32 record it (`authentication.kubernetes.io/credential-id`). */
  credentialId: z.boolean().default(false),
  /** Mode l4, at stage inspect: keep the first response in force, or let callers through without inspection. */
  uninspected: z.enum(['block', 'pass']).default('block'),
});
export type ServerIdentity = z.infer<typeof ServerIdentity>;

/** What a server has that says nothing of it. */
export const defaultIdentity: ServerIdentity = ServerIdentity.parse({});
