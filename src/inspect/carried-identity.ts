// A verified identity as the fields that carry it to the server.
import type { Carriage, Identity, IdentityFields } from './connection-types.ts';
import type { JudgeRefusal } from './refusals.ts';

export type CarriedField = readonly [name: string, value: string];

const impersonationFields: IdentityFields = {
  user: 'impersonate-user',
  group: 'impersonate-group',
  uid: 'impersonate-uid',
  extraPrefix: 'impersonate-extra-',
};

/** What the server puts its own mark on: it adds none of the two when one is there. */
const authenticated = 'system:authenticated';
const unauthenticated = 'system:unauthenticated';

/** None for a caller without a certificate: a token speaks for itself. */
export function carriedFields(
  identity: Identity,
  carriage: Carriage,
  names: IdentityFields,
  authorization: string | undefined,
): readonly CarriedField[] {
  if (identity.method === 'none') return [];
  if (carriage.how === 'front-proxy') return fieldsOf(identity, names, identity.groups);
  const fields = fieldsOf(identity, impersonationFields, impersonatedGroups(identity));
  return authorization === undefined ? fields : [['authorization', authorization], ...fields];
}

type Certified = Extract<Identity, { method: 'certificate' }>;

function fieldsOf(identity: Certified, names: IdentityFields, groups: readonly string[]): CarriedField[] {
  const fields: CarriedField[] = [[names.user, identity.user]];
  for (const group of groups) fields.push([names.group, group]);
  if (names.uid !== undefined && identity.uid !== undefined) fields.push([names.uid, identity.uid]);
  for (const [key, values] of Object.entries(identity.extra ?? {})) {
    for (const value of values) fields.push([names.extraPrefix + escapeKey(key), value]);
  }
  return fields;
}

/**
 * Groups that are named are the authority: some versions then add nothing of their own. So the one that every caller
 * with a certificate has is named, by the server's own rule (authentication/group/authenticated_group_adder.go).
 */
function impersonatedGroups({ user, groups }: Certified): readonly string[] {
  const marked = groups.includes(authenticated) || groups.includes(unauthenticated);
  return marked || user === 'system:anonymous' ? groups : [...groups, authenticated];
}

/** Keys are percent-encoded where they are no part of a field's name; the server decodes them. */
function escapeKey(key: string): string {
  return key.replace(/[^a-z0-9._-]/g, (part) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/**
 * A value goes into its line as it is. One that could end the line, or that the server would trim to another name, is
 * refused: it would be another identity.
 */
export function identityProblem(identity: Identity): JudgeRefusal | undefined {
  if (identity.method === 'none') return undefined;
  const values = [
    identity.user,
    ...identity.groups,
    ...(identity.uid === undefined ? [] : [identity.uid]),
    ...Object.values(identity.extra ?? {}).flat(),
  ];
  return values.every(fit) ? undefined : 'bad-identity';
}

function fit(value: string): boolean {
  return value !== '' && value.isWellFormed() && !/[\x00-\x1f\x7f]/.test(value) && value === value.trim();
}
