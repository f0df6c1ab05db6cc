// The names of the header fields that an API server reads identity from, as it tells them itself.
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { IdentityHeaders } from '../model/identity.ts';
import { getJson, readAnswer } from './kube-api.ts';
import type { Kubeconfig } from './kubeconfig.ts';

const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
const names = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'not JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.array(z.string().min(1)));
/** What the server writes there at its start; without a front proxy it writes none of them. */
const ConfigMap = z.object({
  data: z.object({
    'requestheader-username-headers': names.optional(),
    'requestheader-group-headers': names.optional(),
    'requestheader-extra-headers-prefix': names.optional(),
    'requestheader-uid-headers': names.optional(),
  }),
});

/**
 * Of each kind the first carries the caller's identity; whatever else the server reads is taken out of callers' requests.
 * @returns undefined when the credentials may not read it, or the server has no front proxy
 * @throws Failure `server-unreachable`
 */
export async function readRequestHeaders(
  config: Kubeconfig,
  place: string,
): Promise<IdentityHeaders | undefined> {
  let answer: unknown;
  try {
    answer = await getJson(config, place, path);
  } catch (error) {
    if (error instanceof Failure && error.code === 'server-refused') return undefined;
    throw error;
  }
  const { data } = readAnswer(ConfigMap, answer, config, place);
  return headersOf(
    data['requestheader-username-headers'],
    data['requestheader-group-headers'],
    data['requestheader-extra-headers-prefix'],
    data['requestheader-uid-headers'],
  );
}

function headersOf(...lists: readonly (readonly string[] | undefined)[]): IdentityHeaders | undefined {
  const [user, group, extraPrefix, uid] = lists.map((list) => list?.[0]);
  if (user === undefined) return undefined;
  return IdentityHeaders.parse({
    user,
    ...(group === undefined ? {} : { group }),
    ...(extraPrefix === undefined ? {} : { extraPrefix }),
    ...(uid === undefined ? {} : { uid }),
    // Among them a second prefix, which ends in `-`.
    also: lists.flatMap((list) => list?.slice(1) ?? []),
  });
}
