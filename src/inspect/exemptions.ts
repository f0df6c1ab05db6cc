// Exemptions as the engine asks them: after a rule has fired, before anything is done. Only a request that a rule found pays.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import type { ExemptResource, GateExemption } from '../model/exemption.ts';
import type { Attributes } from './attributes.ts';

/** What an exemption is asked about beyond the attributes. */
export type ExemptionScene = {
  /** The caller's address, canonical text. */
  readonly sourceAddress: string;
  /** Milliseconds since the epoch; left out: nothing has expired. */
  readonly now?: () => number;
};

export type CompiledExemption = {
  readonly id: string;
  readonly covers: (request: Attributes['request'], scene: ExemptionScene) => boolean;
};

export function compileExemption(exemption: GateExemption): CompiledExemption {
  const { id, users, groups, serviceAccounts, resources } = exemption;
  const expires = Date.parse(exemption.expires);
  const from = exemption.from?.map(parseCidr);
  const anybody = !users && !groups && !serviceAccounts;
  return {
    id,
    covers(request, scene) {
      if (scene.now && scene.now() >= expires) return false;
      const named =
        anybody ||
        (request.user !== '' && users?.includes(request.user)) ||
        request.groups.some((group) => groups?.includes(group)) ||
        (serviceAccounts?.includes(serviceAccountOf(request)) ?? false);
      if (!named) return false;
      if (from && !within(scene.sourceAddress, from)) return false;
      return !resources || resources.some((resource) => isOf(request, resource));
    },
  };
}

/** Rules of a shield that an exemption covers. The upgrade machine acts on bytes that no rule can excuse. */
export function exemptionsFor(
  rule: { readonly id: string; readonly phase: string },
  exemptions: readonly { readonly exemption: GateExemption; readonly compiled: CompiledExemption }[],
): readonly CompiledExemption[] {
  if (rule.phase === 'upgrade') return none;
  const own = exemptions.filter(({ exemption }) => exemption.rules?.includes(rule.id) ?? true);
  return own.length === 0 ? none : own.map(({ compiled }) => compiled);
}
const none: readonly CompiledExemption[] = [];

/** Empty beside a certificate: the server doesn't look at the token then. */
function serviceAccountOf({ authMethod, serviceAccount }: Attributes['request']): string {
  return authMethod === 'bearer' ? serviceAccount : '';
}

function within(address: string, prefixes: readonly Cidr[]): boolean {
  const one = parseCidr(address);
  return prefixes.some((prefix) => contains(prefix, one));
}

function isOf(request: Attributes['request'], wanted: ExemptResource): boolean {
  const { group, resource, namespace, name } = wanted;
  if (!request.isResource) return false;
  const asked = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
  return (
    (group === undefined || group === request.group) &&
    (resource === undefined || resource === asked) &&
    (namespace === undefined || namespace === request.namespace) &&
    (name === undefined || name === request.name)
  );
}
