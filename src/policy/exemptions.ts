// Exemptions as gates are told them: for one server, with their tag expressions as prefixes.
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { Exemption, GateExemption } from '../model/exemption.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import type { AddressBook } from './address-book.ts';
import { type AddressSet, addressSet, isEmpty, toCidrTexts } from './address-set.ts';
import { matches, parseCallers, parseExpression } from './expression.ts';
import type { OtherExpression } from './references.ts';

/**
 * Those of one shield at one server, by id. One whose expression selects nobody exempts nobody.
 * @throws Failure `bad-expression`
 */
export function gateExemptions(
  all: readonly Exemption[],
  tags: readonly Tag[],
  book: AddressBook,
): (shield: Shield) => readonly GateExemption[] {
  const here = all.filter(
    ({ id, servers }) =>
      servers === undefined || matches(parseExpression(servers, `exemption ${id}: servers`), tags),
  );
  const told = new Map<Exemption, GateExemption | undefined>();
  const tell = (exemption: Exemption): GateExemption | undefined => {
    if (!told.has(exemption)) told.set(exemption, forGate(exemption, book));
    return told.get(exemption);
  };
  return (shield) =>
    here
      .filter((exemption) => exemption.shield === shield.id && !provesNothing(exemption, shield))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .flatMap((exemption) => tell(exemption) ?? []);
}

/**
 * What no exemption can mean is refused when somebody asks for one.
 * @throws Failure `bad-exemption`, `bad-expression`, `bad-address`
 */
export function checkExemption(exemption: Exemption, shield: Shield): void {
  const { rules = [], from, id } = exemption;
  for (const [i, name] of rules.entries()) {
    const rule = shield.deeperDefense.rules.find((one) => one.id === name);
    const place = `rules[${i}]`;
    if (!rule) {
      const known = shield.deeperDefense.rules.map((one) => one.id).join(', ');
      throw new Failure('bad-exemption', `${shield.id} has no rule '${name}'`, {
        place,
        hint: known === '' ? 'it has no rules' : `it has: ${known}`,
      });
    }
    if (rule.phase !== 'upgrade') continue;
    throw new Failure('bad-exemption', `the rule '${name}' is the upgrade machine's and can't be exempted`, {
      place,
      hint: 'what it cuts are bytes outside any request, of which nobody knows whose they are',
    });
  }
  if (provesNothing(exemption, shield)) {
    throw new Failure('bad-exemption', `${shield.id} acts before the server has looked at a token`, {
      place: 'serviceAccounts',
      hint: 'name addresses, or users and groups of client certificates, which the gate verifies itself',
    });
  }
  if (from === 'any') {
    throw new Failure('bad-exemption', "from: any exempts everybody: that is the shield's mode", {
      place: 'from',
      hint: 'portcullis mode',
    });
  }
  if (from !== undefined && !isPrefix(from)) parseCallers(from, `exemption ${id}: from`);
  else if (from !== undefined) parseCidr(from);
}

/** What they say in tags, which may name things of the inventory. */
export function exemptionExpressions(all: readonly Exemption[]): OtherExpression[] {
  return all.flatMap(({ id, from, servers }) => {
    const told = (field: string, text: string | undefined) =>
      text === undefined || isPrefix(text)
        ? []
        : [{ text, by: `exemption '${id}'`, place: `exemption ${id}: ${field}` }];
    return [...told('from', from), ...told('servers', servers)];
  });
}

/** A token's word before the server has looked at it. */
function provesNothing(exemption: Exemption, shield: Shield): boolean {
  return exemption.serviceAccounts !== undefined && shield.beforeAuthentication === true;
}

/** Who is at the other end: `10.0.0.0/8`, or a tag expression. @throws Failure `bad-expression` */
function sourcesOf(from: string, place: string, book: AddressBook): AddressSet {
  return isPrefix(from) ? addressSet([parseCidr(from)]) : book.select(from, place);
}

function isPrefix(from: string): boolean {
  return /^[0-9a-fA-F.:]*[.:][0-9a-fA-F.:]*(\/\d+)?$/.test(from);
}

function forGate(exemption: Exemption, book: AddressBook): GateExemption | undefined {
  const { id, rules, users, groups, serviceAccounts, from, resources, expires } = exemption;
  const sources = from === undefined ? undefined : sourcesOf(from, `exemption ${id}: from`, book);
  if (sources && isEmpty(sources)) return undefined;
  const prefixes = sources && toCidrTexts(sources);
  return {
    id,
    ...(rules ? { rules } : {}),
    ...(users ? { users } : {}),
    ...(groups ? { groups } : {}),
    ...(serviceAccounts ? { serviceAccounts } : {}),
    ...(prefixes ? { from: prefixes } : {}),
    ...(resources ? { resources } : {}),
    expires,
  };
}
